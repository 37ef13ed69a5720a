-- Errors that live across scans (R14). An error is open from the scan that first met it to the scan that finds
-- its place healthy, or gone; a scan that meets it again writes nothing.
--
-- Three things, each changed in the transaction of the slice or of the removals that found out:
--   directories.errors, .unread   what was wrong at the directory's last visit, by type: the truth
--   error_counts                  the sums of these by library: the totals
--   errors                        rows that say what and where; at most 1,000 open ones of a type in a library
--
-- An error whose place is no directory of the catalogue any more, as where another directory took its name in
-- the middle of a scan, is fleeting: nothing can find it healthy, so the library's next scan resolves it.

ALTER TABLE scan_errors RENAME TO scan_errors_before;

ALTER TABLE directories
  -- Of its entries, by type, at the last listing, such as {"invalid_extension": 3}; NULL where none had any.
  ADD COLUMN errors jsonb,
  -- Type of the error for which the directory itself could not be read, or not to its end, at its last visit.
  ADD COLUMN unread text,
  -- NOT VALID: no row that is there has either, so that all of them need not be read under the table's lock.
  ADD CHECK (errors <> '{}') NOT VALID,
  -- A tombstone has no errors.
  ADD CHECK (removed_at IS NULL OR errors IS NULL AND unread IS NULL) NOT VALID;

CREATE TABLE errors (
  id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  library_id    bigint NOT NULL,
  -- The directory that was visited; NULL for a fleeting error.
  directory_id  bigint,
  -- The entry of the directory; NULL where the directory itself failed.
  name          bytea,
  -- Where it was when it was met: relative to the root, without a leading slash; empty for the root itself.
  path          bytea NOT NULL,
  error_type    text NOT NULL,
  -- The system call that failed and its errno; NULL for what no call reported.
  operation     text,
  errno         integer,
  error_message text NOT NULL,
  first_scan    bigint NOT NULL,
  first_seen    timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- The first scan in which it was not open any more.
  resolved_scan bigint,
  resolved_at   timestamptz,
  CHECK ((resolved_scan IS NULL) = (resolved_at IS NULL)),
  CHECK (resolved_scan >= first_scan),
  CHECK (name <> ''),
  CHECK (name IS NULL OR directory_id IS NOT NULL)
);

-- What makes two errors the same.
CREATE UNIQUE INDEX errors_open ON errors (library_id, directory_id, coalesce(name, ''), error_type)
  WHERE resolved_scan IS NULL;
CREATE INDEX errors_open_by_type ON errors (library_id, error_type) WHERE resolved_scan IS NULL;
CREATE INDEX errors_by_scan ON errors (library_id, coalesce(resolved_scan, 9223372036854775807), first_scan);
CREATE INDEX errors_resolved ON errors (resolved_at) WHERE resolved_at IS NOT NULL;

-- How many errors are open in a library now, those beyond the rows of `errors` too.
CREATE TABLE error_counts (
  library_id    bigint NOT NULL,
  error_type    text NOT NULL,
  total         bigint NOT NULL,
  -- How many of them are fleeting, and since which scan.
  fleeting      bigint NOT NULL DEFAULT 0,
  fleeting_scan bigint,
  PRIMARY KEY (library_id, error_type)
);

-- How many errors were open in a scan when it ended or, while it goes on, are at its last commit. Those that it
-- had no occasion to look at count too: what lies below a directory that cannot be read is as it was.
CREATE TABLE scan_error_counts (
  scan_id    bigint NOT NULL,
  error_type text NOT NULL,
  total      bigint NOT NULL,
  PRIMARY KEY (scan_id, error_type)
);

-- For each scan the errors that were open in it, as far as they have rows. last_seen is not written but told
-- from the scans: when the last one ended in which the error was open.
CREATE VIEW scan_errors AS
SELECT e.id, s.id AS scan_id, e.path, e.error_type, e.operation, e.errno, e.error_message, e.first_seen AS created_at,
       e.first_scan, e.first_seen, coalesce(l.last_seen, e.first_seen) AS last_seen, e.resolved_scan, e.resolved_at,
       s.library_id
  FROM scans s
  JOIN errors e ON e.library_id = s.library_id AND coalesce(e.resolved_scan, 9223372036854775807) > s.id
               AND e.first_scan <= s.id
  LEFT JOIN LATERAL (
    SELECT x.completed_at AS last_seen FROM scans x
     WHERE x.library_id = e.library_id AND x.id >= e.first_scan AND x.status IN ('completed', 'partial')
       AND x.id < coalesce(e.resolved_scan, 9223372036854775807)
     ORDER BY x.id DESC LIMIT 1) l ON true;

-- The errors of a directory by type, from its two columns; no row where there is none.
CREATE FUNCTION directory_errors(p_errors jsonb, p_unread text) RETURNS TABLE (error_type text, total bigint)
LANGUAGE sql IMMUTABLE AS $$
  SELECT t.error_type, sum(t.total)::bigint FROM (
    SELECT j.key AS error_type, j.value::bigint AS total FROM jsonb_each_text(p_errors) j
    UNION ALL SELECT p_unread, 1 WHERE p_unread IS NOT NULL) t
   GROUP BY t.error_type;
$$;

-- A directory that becomes a tombstone takes its errors with it, whoever makes it one and for whatever reason:
-- the one place where they are resolved. The scan's own counts follow in note_errors, at the latest at its end.
CREATE FUNCTION resolve_removed_directory() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE errors SET resolved_scan = NEW.changed_scan, resolved_at = clock_timestamp()
   WHERE library_id = OLD.library_id AND directory_id = OLD.id AND resolved_scan IS NULL;
  UPDATE error_counts c SET total = c.total - o.total FROM directory_errors(OLD.errors, OLD.unread) o
   WHERE c.library_id = OLD.library_id AND c.error_type = o.error_type;
  NEW.errors := NULL;
  NEW.unread := NULL;
  RETURN NEW;
END $$;

CREATE TRIGGER directory_removed BEFORE UPDATE ON directories FOR EACH ROW
  WHEN (OLD.removed_at IS NULL AND NEW.removed_at IS NOT NULL AND (OLD.errors IS NOT NULL OR OLD.unread IS NOT NULL))
  EXECUTE FUNCTION resolve_removed_directory();

-- Brings a scan's counts in line with its library's. The caller holds the scan's row, or takes it here.
CREATE FUNCTION note_errors(p_scan bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  v_total bigint;
BEGIN
  INSERT INTO scan_error_counts AS n (scan_id, error_type, total)
  SELECT p_scan, c.error_type, c.total
    FROM scans sc JOIN error_counts c ON c.library_id = sc.library_id
    LEFT JOIN scan_error_counts o ON o.scan_id = p_scan AND o.error_type = c.error_type
   WHERE sc.id = p_scan AND c.total <> coalesce(o.total, 0)
  ON CONFLICT (scan_id, error_type) DO UPDATE SET total = excluded.total;
  SELECT coalesce(sum(total), 0) INTO v_total FROM scan_error_counts WHERE scan_id = p_scan;
  UPDATE scans SET errors_count = v_total WHERE id = p_scan AND errors_count <> v_total;
END $$;

-- The part of a slice's commit after settle_slice, which holds the scan's row: so the totals are exact however
-- many slices commit at once.
--
-- By type: how many errors the slice's directories have more or, negative, fewer than before, and how many of
-- these are fleeting. Which rows are resolved: those in the directories p_healed and of these themselves; those
-- of the directories p_visited themselves, but for one of the type beside ('' for none); the rows p_resolved.
CREATE FUNCTION settle_errors(
  p_scan bigint, p_types text[], p_changes bigint[], p_fleeting bigint[], p_healed bigint[], p_visited bigint[],
  p_unread text[], p_resolved bigint[]
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  v_library bigint := (SELECT library_id FROM scans WHERE id = p_scan);
BEGIN
  UPDATE error_counts SET total = total - fleeting, fleeting = 0, fleeting_scan = NULL
   WHERE library_id = v_library AND fleeting_scan < p_scan;
  IF FOUND THEN
    UPDATE errors SET resolved_scan = p_scan, resolved_at = clock_timestamp()
     WHERE library_id = v_library AND directory_id IS NULL AND resolved_scan IS NULL AND first_scan < p_scan;
  END IF;

  IF cardinality(p_healed) > 0 THEN
    UPDATE errors SET resolved_scan = p_scan, resolved_at = clock_timestamp()
     WHERE library_id = v_library AND directory_id = ANY (p_healed) AND resolved_scan IS NULL;
  END IF;
  IF cardinality(p_visited) > 0 THEN
    UPDATE errors e SET resolved_scan = p_scan, resolved_at = clock_timestamp()
      FROM unnest(p_visited, p_unread) AS r(directory_id, unread)
     WHERE e.library_id = v_library AND e.directory_id = r.directory_id AND e.name IS NULL
       AND e.error_type <> r.unread AND e.resolved_scan IS NULL;
  END IF;
  IF cardinality(p_resolved) > 0 THEN
    UPDATE errors SET resolved_scan = p_scan, resolved_at = clock_timestamp()
     WHERE id = ANY (p_resolved) AND resolved_scan IS NULL;
  END IF;

  IF cardinality(p_types) > 0 THEN
    INSERT INTO error_counts AS c (library_id, error_type, total, fleeting, fleeting_scan)
    SELECT v_library, n.error_type, n.change, n.fleeting, CASE WHEN n.fleeting > 0 THEN p_scan END
      FROM unnest(p_types, p_changes, p_fleeting) AS n(error_type, change, fleeting)
     ORDER BY n.error_type
    ON CONFLICT (library_id, error_type) DO UPDATE
       SET total = c.total + excluded.total, fleeting = c.fleeting + excluded.fleeting,
           fleeting_scan = coalesce(excluded.fleeting_scan, c.fleeting_scan);
  END IF;
  PERFORM note_errors(p_scan);
END $$;

-- Adds rows for errors, after settle_errors in the same transaction: as many as there is room for among the 1,000
-- open ones of each type in the library, the first ones first. One that is open already keeps its row, and gets
-- what it says now. An empty operation and an errno of 0 stand for none; a directory of 0 and an empty name too.
CREATE FUNCTION add_errors(
  p_scan bigint, p_directories bigint[], p_names bytea[], p_paths bytea[], p_types text[], p_operations text[],
  p_errnos integer[], p_messages text[]
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  c_rows    CONSTANT bigint := 1000;
  v_library bigint := (SELECT library_id FROM scans WHERE id = p_scan);
BEGIN
  INSERT INTO errors AS e (library_id, directory_id, name, path, error_type, operation, errno, error_message, first_scan)
  SELECT v_library, nullif(n.directory, 0), nullif(n.name, ''), n.path, n.error_type, n.operation, n.errno, n.error_message, p_scan
    FROM (
      SELECT m.*, o.id AS open, row_number() OVER (PARTITION BY m.error_type, o.id IS NULL ORDER BY m.place) AS turn
        FROM (
          -- A listing may repeat a name; a fleeting error is like no other.
          SELECT DISTINCT ON (u.directory, u.name, u.error_type, CASE u.directory WHEN 0 THEN u.place END)
                 u.place, u.directory, u.name, u.path, u.error_type, nullif(u.operation, '') AS operation,
                 nullif(u.errno, 0) AS errno, u.error_message
            FROM unnest(p_directories, p_names, p_paths, p_types, p_operations, p_errnos, p_messages) WITH ORDINALITY
                   AS u(directory, name, path, error_type, operation, errno, error_message, place)
           ORDER BY u.directory, u.name, u.error_type, CASE u.directory WHEN 0 THEN u.place END, u.place) m
        LEFT JOIN errors o ON o.library_id = v_library AND o.directory_id = m.directory AND coalesce(o.name, '') = m.name
                          AND o.error_type = m.error_type AND o.resolved_scan IS NULL
       WHERE o.id IS NULL OR (o.path, o.operation, o.errno, o.error_message)
                             IS DISTINCT FROM (m.path, m.operation, m.errno, m.error_message)) n
    LEFT JOIN (
      SELECT k.error_type, count(*) AS rows FROM errors k
       WHERE k.library_id = v_library AND k.resolved_scan IS NULL GROUP BY k.error_type) k ON k.error_type = n.error_type
   WHERE n.open IS NOT NULL OR n.turn <= c_rows - coalesce(k.rows, 0)
   ORDER BY n.place
  ON CONFLICT (library_id, directory_id, coalesce(name, ''), error_type) WHERE resolved_scan IS NULL
  DO UPDATE SET path = excluded.path, operation = excluded.operation, errno = excluded.errno,
                error_message = excluded.error_message;
END $$;

-- What a path of a library leads to: a live directory or, with a name, a place in one; NULLs where the directory
-- that would hold it is not there.
CREATE FUNCTION place_of(p_library bigint, p_path bytea, OUT directory_id bigint, OUT name bytea)
LANGUAGE plpgsql STABLE AS $$
DECLARE
  v_rest  bytea := p_path;
  v_slash integer;
  v_next  bigint;
BEGIN
  directory_id := (SELECT l.root_directory FROM libraries l WHERE l.id = p_library);
  WHILE v_rest <> '' LOOP
    v_slash := position('\x2f'::bytea IN v_rest);
    name := CASE v_slash WHEN 0 THEN v_rest ELSE substring(v_rest FROM 1 FOR v_slash - 1) END;
    v_rest := CASE v_slash WHEN 0 THEN '' ELSE substring(v_rest FROM v_slash + 1) END;
    SELECT d.id INTO v_next FROM directories d
     WHERE d.library_id = p_library AND d.parent_id = directory_id AND d.name = place_of.name AND d.removed_at IS NULL;
    IF NOT FOUND THEN
      IF v_rest <> '' THEN
        directory_id := NULL;
        name := NULL;
      END IF;
      RETURN;
    END IF;
    directory_id := v_next;
    name := NULL;
  END LOOP;
END $$;

-- A worker of an earlier release, which claimed its slice before this migration, still inserts its errors by
-- their paths alone.
CREATE FUNCTION insert_scan_error() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  v_library bigint := (SELECT library_id FROM scans WHERE id = NEW.scan_id);
  v_place   record;
BEGIN
  SELECT * INTO v_place FROM place_of(v_library, NEW.path);
  INSERT INTO errors (library_id, directory_id, name, path, error_type, operation, errno, error_message, first_scan, first_seen)
  SELECT v_library, v_place.directory_id, v_place.name, NEW.path, NEW.error_type, NEW.operation, NEW.errno,
         NEW.error_message, NEW.scan_id, coalesce(NEW.created_at, clock_timestamp())
   WHERE v_place.name IS NOT NULL OR v_place.directory_id IS NULL OR EXISTS (
     SELECT 1 FROM directories d
      WHERE d.library_id = v_library AND d.id = v_place.directory_id AND d.unread IS NULL)
  ON CONFLICT DO NOTHING;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  UPDATE directories d
     SET unread = CASE WHEN v_place.name IS NULL THEN NEW.error_type ELSE d.unread END,
         errors = CASE WHEN v_place.name IS NULL THEN d.errors
                       ELSE coalesce(d.errors, '{}') || jsonb_build_object(
                              NEW.error_type, coalesce((d.errors->>NEW.error_type)::bigint, 0) + 1) END
   WHERE d.library_id = v_library AND d.id = v_place.directory_id;
  INSERT INTO error_counts AS c (library_id, error_type, total, fleeting, fleeting_scan)
  VALUES (v_library, NEW.error_type, 1, (v_place.directory_id IS NULL)::integer,
          CASE WHEN v_place.directory_id IS NULL THEN NEW.scan_id END)
  ON CONFLICT (library_id, error_type) DO UPDATE
     SET total = c.total + 1, fleeting = c.fleeting + excluded.fleeting,
         fleeting_scan = coalesce(excluded.fleeting_scan, c.fleeting_scan);
  RETURN NEW;
END $$;

CREATE TRIGGER scan_error_inserted INSTEAD OF INSERT ON scan_errors FOR EACH ROW EXECUTE FUNCTION insert_scan_error();

-- Until now each scan had rows of its own: they were open until the library's next scan. Those of its last one are.
INSERT INTO errors (library_id, path, error_type, operation, errno, error_message, first_scan, first_seen, resolved_scan, resolved_at)
SELECT s.library_id, o.path, o.error_type, o.operation, o.errno, o.error_message, s.id, o.created_at, n.id,
       greatest(coalesce(n.started_at, n.requested_at), o.created_at)
  FROM scan_errors_before o JOIN scans s ON s.id = o.scan_id
 CROSS JOIN LATERAL (
   SELECT x.* FROM scans x WHERE x.library_id = s.library_id AND x.id > s.id ORDER BY x.id LIMIT 1) n
 ORDER BY o.id;
-- Of each type the first thousand: the next scan meets the others, whose directories have no signature.
INSERT INTO scan_errors (scan_id, path, error_type, operation, errno, error_message, created_at)
SELECT o.scan_id, o.path, o.error_type, o.operation, o.errno, o.error_message, o.created_at
  FROM (SELECT b.*, row_number() OVER (PARTITION BY b.scan_id, b.error_type ORDER BY b.id) AS place
          FROM scan_errors_before b) o
  JOIN scans s ON s.id = o.scan_id
 WHERE o.place <= 1000
   AND NOT EXISTS (SELECT 1 FROM scans x WHERE x.library_id = s.library_id AND x.id > s.id)
 ORDER BY o.id;
INSERT INTO scan_error_counts (scan_id, error_type, total)
SELECT o.scan_id, o.error_type, count(*) FROM scan_errors_before o JOIN scans s ON s.id = o.scan_id GROUP BY 1, 2;
DROP TABLE scan_errors_before;

-- Last step of a removal, after the partitions are gone: the rows about the library and its scans.
CREATE OR REPLACE FUNCTION forget_library(p_library bigint) RETURNS void LANGUAGE sql AS $$
  DELETE FROM staged_removals WHERE library_id = p_library;
  DELETE FROM errors WHERE library_id = p_library;
  DELETE FROM error_counts WHERE library_id = p_library;
  DELETE FROM scan_error_counts WHERE scan_id IN (SELECT id FROM scans WHERE library_id = p_library);
  DELETE FROM scan_events WHERE scan_id IN (SELECT id FROM scans WHERE library_id = p_library);
  DELETE FROM scan_shares WHERE scan_id IN (SELECT id FROM scans WHERE library_id = p_library);
  DELETE FROM slices WHERE scan_id IN (SELECT id FROM scans WHERE library_id = p_library);
  DELETE FROM scans WHERE library_id = p_library;
  DELETE FROM libraries WHERE id = p_library AND removing;
$$;

-- Why a scan that is about to end has found no file (R30), in one line; NULL where it has found some.
CREATE FUNCTION why_nothing_found(p_scan bigint) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  v_scan    scans;
  v_below   bigint;
  v_types   jsonb := coalesce((SELECT jsonb_object_agg(error_type, total) FROM scan_error_counts WHERE scan_id = p_scan), '{}');
  v_by_name bigint := coalesce((v_types->>'invalid_extension')::bigint, 0);
  v_by_size bigint := coalesce((v_types->>'oversized')::bigint, 0);
  v_denied  bigint := coalesce((v_types->>'permission_denied')::bigint, 0);
  v_other   bigint;
  v_mounts  bigint := 0;
  v_reasons text[] := '{}';
BEGIN
  SELECT * INTO v_scan FROM scans WHERE id = p_scan;
  IF v_scan.files_seen > 0 THEN
    RETURN NULL;
  END IF;
  v_below := greatest(v_scan.directories_seen - 1, 0);
  v_other := v_scan.errors_count - v_by_name - v_by_size - v_denied;
  IF (v_scan.rules->>'one_filesystem')::boolean THEN
    SELECT count(*) INTO v_mounts FROM directories d
     WHERE d.library_id = v_scan.library_id AND d.boundary AND d.removed_at IS NULL;
  END IF;

  IF v_denied > 0 THEN
    v_reasons := v_reasons || format('no permission to read %s', counted(v_denied, 'place', 'places'));
  END IF;
  IF v_by_name + v_by_size > 0 THEN
    v_reasons := v_reasons || format('the rules reject %s (%s)', counted(v_by_name + v_by_size, 'file', 'files'), concat_ws(
      ', ', CASE WHEN v_by_name > 0 THEN v_by_name || ' by extension' END, CASE WHEN v_by_size > 0 THEN v_by_size || ' by size' END));
  END IF;
  IF v_scan.entries_ignored > 0 THEN
    v_reasons := v_reasons || format('the rules ignore %s', counted(v_scan.entries_ignored, 'entry', 'entries'));
  END IF;
  IF v_mounts > 0 THEN
    v_reasons := v_reasons || (counted(v_mounts, 'mount point is', 'mount points are') || ' not entered (one_filesystem)');
  END IF;
  IF v_other > 0 THEN
    v_reasons := v_reasons || counted(v_other, 'other error', 'other errors');
  END IF;
  IF v_below > 0 THEN
    v_reasons := v_reasons || (counted(v_below, 'directory holds', 'directories hold') || CASE
      WHEN v_reasons = '{}' THEN ' no file' ELSE ' no other' END);
  ELSIF v_reasons = '{}' THEN
    v_reasons := v_reasons || 'the root is empty'::text;
  END IF;
  RETURN format('No file was found: %s.%s', array_to_string(v_reasons, '; '),
                CASE WHEN v_scan.errors_count > 0 THEN format(' See `rollcall errors %s`.', p_scan) ELSE '' END);
END $$;

-- `1 file`, `2 files`.
CREATE FUNCTION counted(p_count bigint, p_one text, p_many text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT p_count || ' ' || CASE p_count WHEN 1 THEN p_one ELSE p_many END
$$;

-- Ends a scan as failed; its slices are dropped after, by drop_slices. False where it has ended before.
CREATE OR REPLACE FUNCTION fail_scan(p_scan bigint, p_actor text, p_message text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  UPDATE scans SET status = 'failed', completed_at = clock_timestamp(), error_message = p_message, open_slices = 0
   WHERE id = p_scan AND status IN ('pending', 'running', 'paused');
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  PERFORM note_errors(p_scan);
  INSERT INTO scan_events (scan_id, event, actor, detail)
  VALUES (p_scan, 'failed', p_actor, jsonb_build_object('error', p_message));
  RETURN true;
END $$;

-- Ends a scan: the commit of its `finalise` slice. Returns the end state. What is staged has been applied
-- by now, or is held and stays; the errors of what was removed are resolved. A scan that has found nothing says
-- why. RC001, RC002 as above.
CREATE OR REPLACE FUNCTION end_scan(p_scan bigint, p_number integer, p_epoch integer, p_claim uuid, p_worker text)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  v_scan scans;
BEGIN
  PERFORM fence_slice(p_scan, p_number, p_epoch, p_claim, 0);
  -- Whatever the count of open slices says: what was not walked is not told as walked.
  IF EXISTS (SELECT 1 FROM slices WHERE scan_id = p_scan AND state <> 'done') THEN
    RAISE EXCEPTION 'scan % cannot end: a slice of it is still open', p_scan;
  END IF;
  INSERT INTO scan_shares (scan_id, worker, slices, entries)
  SELECT s.scan_id, s.worker, count(*), sum(s.entries) FROM slices s
   WHERE s.scan_id = p_scan AND s.kind = 'walk' AND s.state = 'done' GROUP BY s.scan_id, s.worker;
  PERFORM 1 FROM scans WHERE id = p_scan FOR UPDATE;
  PERFORM note_errors(p_scan);
  UPDATE scans
     SET status = CASE WHEN errors_count = 0 AND removal_verdict IS DISTINCT FROM 'hold' THEN 'completed' ELSE 'partial' END,
         completed_at = clock_timestamp(), open_slices = 0, message = coalesce(message, why_nothing_found(p_scan))
   WHERE id = p_scan AND status IN ('running', 'paused')
  RETURNING * INTO v_scan;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'scan % has ended', p_scan USING ERRCODE = 'RC002';
  ELSIF v_scan.removal_verdict IS DISTINCT FROM 'hold'
    AND EXISTS (SELECT 1 FROM staged_removals WHERE scan_id = p_scan) THEN
    RAISE EXCEPTION 'scan % cannot end: what it has staged as missing is neither removed nor held', p_scan;
  END IF;
  DELETE FROM slices WHERE scan_id = p_scan;
  INSERT INTO scan_events (scan_id, event, actor) VALUES (p_scan, v_scan.status, p_worker);
  RETURN v_scan.status;
END $$;
