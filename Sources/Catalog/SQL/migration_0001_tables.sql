-- The tables. Redis says who is alive; these rows say what is true.
--
-- CHECK constraints restate the invariants. No foreign key leads into or out of the big tables: their
-- rows go with their library's partition, and a check per row would cost more than the row.

CREATE TABLE libraries (
  id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name           text NOT NULL UNIQUE CHECK (name <> '' AND name !~ '[/[:cntrl:]]'),
  root_path      text NOT NULL UNIQUE CHECK (root_path LIKE '/%'),
  root_directory bigint NOT NULL,
  rules          jsonb NOT NULL,
  rules_version  integer NOT NULL DEFAULT 1,
  -- Set by the first step of a removal: nothing is admitted any more while the partitions go.
  removing       boolean NOT NULL DEFAULT false,
  created_at     timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE scans (
  id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  library_id        bigint NOT NULL REFERENCES libraries,
  mode              text NOT NULL CHECK (mode IN ('full', 'quick')),
  status            text NOT NULL DEFAULT 'pending' CHECK (status IN
                      ('pending', 'running', 'paused', 'completed', 'partial', 'failed', 'cancelled')),
  requested_by      text,
  requested_through text NOT NULL CHECK (requested_through IN ('cli', 'queue', 'api')),
  request_id        text UNIQUE,
  requested_at      timestamptz NOT NULL DEFAULT now(),
  started_at        timestamptz,
  completed_at      timestamptz,
  -- The snapshot under which the scan runs, whatever becomes of the library's rules meanwhile.
  root_path         text NOT NULL,
  queue             text NOT NULL,
  max_parallel      integer NOT NULL CHECK (max_parallel > 0),
  rules             jsonb NOT NULL,
  rules_version     integer NOT NULL,
  -- Slices that are not done, and the number that the next one gets.
  open_slices       integer NOT NULL DEFAULT 1 CHECK (open_slices >= 0),
  next_slice        integer NOT NULL DEFAULT 2,
  categories_found  bigint NOT NULL DEFAULT 0,
  courses_found     bigint NOT NULL DEFAULT 0,
  directories_seen  bigint NOT NULL DEFAULT 0,
  files_seen        bigint NOT NULL DEFAULT 0,
  files_added       bigint NOT NULL DEFAULT 0,
  files_updated     bigint NOT NULL DEFAULT 0,
  files_moved       bigint NOT NULL DEFAULT 0,
  files_unchanged   bigint NOT NULL DEFAULT 0,
  files_removed     bigint NOT NULL DEFAULT 0,
  removals_held     bigint NOT NULL DEFAULT 0,
  bytes_seen        numeric NOT NULL DEFAULT 0,
  errors_count      bigint NOT NULL DEFAULT 0,
  slices_redone     bigint NOT NULL DEFAULT 0,
  message           text,
  error_message     text,
  CHECK ((status IN ('completed', 'partial', 'failed', 'cancelled')) = (completed_at IS NOT NULL)),
  CHECK (status <> 'pending' OR started_at IS NULL),
  CHECK (status NOT IN ('running', 'completed', 'partial') OR started_at IS NOT NULL),
  CHECK (status <> 'completed' OR (errors_count = 0 AND removals_held = 0)),
  CHECK (status <> 'failed' OR error_message IS NOT NULL)
) WITH (fillfactor = 50);  -- every commit of a slice updates its scan: leave room for HOT

-- Invariant 3: at most one active scan per library.
CREATE UNIQUE INDEX scans_one_active ON scans (library_id) WHERE status IN ('pending', 'running', 'paused');
CREATE INDEX scans_by_library ON scans (library_id, id);

CREATE TABLE slices (
  scan_id       bigint NOT NULL,
  number        integer NOT NULL CHECK (number > 0),
  kind          text NOT NULL CHECK (kind IN ('walk', 'finalise')),
  state         text NOT NULL CHECK (state IN ('ready', 'queued', 'running', 'done')),
  epoch         integer NOT NULL DEFAULT 0,
  claim         uuid,
  attempts      integer NOT NULL DEFAULT 0,
  -- The slot that holds or held it, as <worker>/<slot>.
  worker        text,
  host          text,
  backend_pid   integer,
  backend_start timestamptz,
  claimed_at    timestamptz,
  -- Ids of the directories still to visit; the first is visited first.
  frontier      bigint[] NOT NULL DEFAULT '{}',
  -- Entries that the slice listed; counts the shares of the workers when the scan ends.
  entries       bigint NOT NULL DEFAULT 0,
  -- Hosts whose worker could not open the root.
  refused_hosts text[] NOT NULL DEFAULT '{}',
  -- The slice whose commit queued it; that slice's pointer, when it is met again, makes up for a lost push.
  queued_by     integer,
  PRIMARY KEY (scan_id, number),
  CHECK ((state IN ('running', 'done')) = (claim IS NOT NULL)),
  CHECK ((claim IS NULL) = (worker IS NULL)),
  CHECK ((kind = 'walk') = (frontier <> '{}'))
) WITH (fillfactor = 70);

CREATE INDEX slices_open ON slices (scan_id, state) WHERE state <> 'done';

-- Ids come in blocks, so that rows can be numbered before they are sent: one call of nextval gives the
-- block value … value + increment - 1.
CREATE SEQUENCE directory_ids INCREMENT BY 1024 CACHE 1;
CREATE SEQUENCE file_ids INCREMENT BY 8192 CACHE 1;

CREATE TABLE directories (
  library_id   bigint NOT NULL,
  id           bigint NOT NULL,
  parent_id    bigint,
  name         bytea NOT NULL,
  -- Not known of a root that no scan has visited.
  device       bigint,
  inode        bigint,
  mode         integer,
  mtime_ns     bigint,
  ctime_ns     bigint,
  btime_ns     bigint,
  -- Lies on another file system than its parent.
  boundary     boolean NOT NULL DEFAULT false,
  -- Of the directory itself; not known before its first complete listing.
  files        bigint,
  bytes        bigint,
  first_scan   bigint,
  changed_scan bigint,
  removed_at   timestamptz,
  CHECK ((parent_id IS NULL) = (name = ''::bytea)),
  CHECK ((files IS NULL) = (bytes IS NULL))
) PARTITION BY LIST (library_id);

CREATE TABLE files (
  library_id   bigint NOT NULL,
  id           bigint NOT NULL,
  directory_id bigint NOT NULL,
  name         bytea NOT NULL,
  kind         "char" NOT NULL CHECK (kind IN ('f', 'l', 'p', 's', 'b', 'c')),
  size         bigint NOT NULL,
  mtime_ns     bigint NOT NULL,
  ctime_ns     bigint NOT NULL,
  btime_ns     bigint,
  inode        bigint NOT NULL,
  mode         integer NOT NULL,
  first_scan   bigint NOT NULL,
  changed_scan bigint NOT NULL,
  removed_at   timestamptz
) PARTITION BY LIST (library_id);

CREATE TABLE scan_errors (
  id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  scan_id       bigint NOT NULL,
  -- Relative to the root, without a leading slash; empty for the root itself.
  path          bytea NOT NULL,
  error_type    text NOT NULL,
  -- The system call that failed and its errno; NULL for what no call reported.
  operation     text,
  errno         integer,
  error_message text NOT NULL,
  created_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX scan_errors_by_scan ON scan_errors (scan_id, id);

CREATE TABLE scan_events (
  id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  scan_id bigint NOT NULL,
  at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  event   text NOT NULL,
  actor   text,
  detail  jsonb
);
CREATE INDEX scan_events_by_scan ON scan_events (scan_id, id);

-- Who walked how much of a scan that ended; kept when its slices are deleted.
CREATE TABLE scan_shares (
  scan_id bigint NOT NULL,
  worker  text NOT NULL,  -- the slot, as <worker>/<slot>
  slices  integer NOT NULL,
  entries bigint NOT NULL,
  PRIMARY KEY (scan_id, worker)
);
