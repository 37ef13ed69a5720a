-- What a second scan of a library needs: signatures, staged removals, and counters that tell what is new
-- from what is known.

-- Of the directory's last complete and committed listing, under the version of the rules and of the
-- algorithm beside it; NULL while anything in the directory is unsettled. Whoever tombstones, revives or
-- deletes rows of a directory clears it in the same transaction.
ALTER TABLE directories ADD COLUMN signature bytea, ADD COLUMN signature_version integer,
  ADD CHECK ((signature IS NULL) = (signature_version IS NULL));

-- What becomes of what a scan misses; NULL before its `finalise` slice has decided.
ALTER TABLE scans ADD COLUMN removal_verdict text CHECK (removal_verdict IN ('apply', 'hold'));

-- What a scan misses: rows whose names were confirmed to be gone, before they become tombstones.
CREATE TABLE staged_removals (
  scan_id      bigint NOT NULL,
  library_id   bigint NOT NULL,
  -- 'd': a row of directories, with all that lies below it; 'f': one of files.
  kind         "char" NOT NULL CHECK (kind IN ('d', 'f')),
  row_id       bigint NOT NULL,
  -- The directory in which the name is missing.
  directory_id bigint NOT NULL,
  name         bytea NOT NULL,
  PRIMARY KEY (scan_id, kind, row_id)
);

CREATE INDEX staged_removals_by_library ON staged_removals (library_id);

-- What is there again finds its tombstone by its name.
DO $$
DECLARE
  v_library bigint;
BEGIN
  FOR v_library IN SELECT id FROM libraries LOOP
    -- A removal that was interrupted may have dropped either.
    IF to_regclass(format('directories_%s', v_library)) IS NOT NULL THEN
      EXECUTE format('CREATE INDEX ON directories_%s (parent_id, name) WHERE removed_at IS NOT NULL', v_library);
    END IF;
    IF to_regclass(format('files_%s', v_library)) IS NOT NULL THEN
      EXECUTE format('CREATE INDEX ON files_%s (directory_id, name) WHERE removed_at IS NOT NULL', v_library);
    END IF;
  END LOOP;
END $$;

-- Adds a library with its partitions and the row of its root directory, and returns its id.
-- Raises 23505 where the name or the root is taken.
CREATE OR REPLACE FUNCTION add_library(p_name text, p_root_path text, p_rules jsonb) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
  v_root    bigint := nextval('directory_ids');
  v_library bigint;
BEGIN
  INSERT INTO libraries (name, root_path, root_directory, rules)
  VALUES (p_name, p_root_path, v_root, p_rules) RETURNING id INTO v_library;

  -- Made and filled before they are attached: ATTACH takes no exclusive lock on the parent. The CHECK
  -- spares ATTACH a look at the rows.
  EXECUTE format('CREATE TABLE directories_%s (LIKE directories INCLUDING ALL, CHECK (library_id = %s))', v_library, v_library);
  EXECUTE format('CREATE TABLE files_%s (LIKE files INCLUDING ALL, CHECK (library_id = %s))', v_library, v_library);

  -- Ids are globally unique, so the partition key can stay out of the indexes. Ids and rows of files
  -- arrive in the same order: BRIN finds them at no cost.
  EXECUTE format('CREATE UNIQUE INDEX ON directories_%s (id)', v_library);
  EXECUTE format('CREATE UNIQUE INDEX ON directories_%s (parent_id, name) WHERE removed_at IS NULL', v_library);
  EXECUTE format('CREATE INDEX ON directories_%s (parent_id)', v_library);  -- paths of tombstones too
  EXECUTE format('CREATE UNIQUE INDEX ON files_%s (directory_id, name) WHERE removed_at IS NULL', v_library);
  EXECUTE format('CREATE INDEX ON files_%s USING brin (id) WITH (pages_per_range = 16)', v_library);
  EXECUTE format('CREATE INDEX ON directories_%s (parent_id, name) WHERE removed_at IS NOT NULL', v_library);
  EXECUTE format('CREATE INDEX ON files_%s (directory_id, name) WHERE removed_at IS NOT NULL', v_library);

  EXECUTE format('INSERT INTO directories_%s (library_id, id, name) VALUES ($1, $2, '''')', v_library) USING v_library, v_root;
  EXECUTE format('ALTER TABLE directories ATTACH PARTITION directories_%s FOR VALUES IN (%s)', v_library, v_library);
  EXECUTE format('ALTER TABLE files ATTACH PARTITION files_%s FOR VALUES IN (%s)', v_library, v_library);
  RETURN v_library;
END $$;

-- Last step of a removal, after the partitions are gone: the rows about the library and its scans.
CREATE OR REPLACE FUNCTION forget_library(p_library bigint) RETURNS void LANGUAGE sql AS $$
  DELETE FROM staged_removals WHERE library_id = p_library;
  DELETE FROM scan_errors WHERE scan_id IN (SELECT id FROM scans WHERE library_id = p_library);
  DELETE FROM scan_events WHERE scan_id IN (SELECT id FROM scans WHERE library_id = p_library);
  DELETE FROM scan_shares WHERE scan_id IN (SELECT id FROM scans WHERE library_id = p_library);
  DELETE FROM slices WHERE scan_id IN (SELECT id FROM scans WHERE library_id = p_library);
  DELETE FROM scans WHERE library_id = p_library;
  DELETE FROM libraries WHERE id = p_library AND removing;
$$;

-- The last part of a slice's commit, after fence_slice and the catalogue's rows: adds the counters to
-- the scan, cuts the rest of the frontier into new slices (as many as the scan's max_parallel has room
-- for, at least one, none of more than 4,096 directories), adds the `finalise` slice where nothing is
-- open any more, and returns the numbers of the slices that are now queued and want a pointer. RC002
-- where the scan has ended. p_stays: the slice is not done, but goes on with a part that p_frontier
-- does not name.
DROP FUNCTION settle_slice;
CREATE FUNCTION settle_slice(
  p_scan bigint, p_number integer, p_frontier bigint[], p_directories bigint, p_files bigint, p_added bigint,
  p_updated bigint, p_unchanged bigint, p_bytes bigint, p_errors bigint, p_stays boolean DEFAULT false
) RETURNS SETOF integer LANGUAGE plpgsql AS $$
DECLARE
  c_row    CONSTANT integer := 4096;
  v_length integer := cardinality(p_frontier);
  v_open   integer;
  v_first  integer;
  v_room   integer;
  v_chunk  integer;
  v_new    integer := 0;
BEGIN
  UPDATE scans
     SET directories_seen = directories_seen + p_directories, files_seen = files_seen + p_files,
         files_added = files_added + p_added, files_updated = files_updated + p_updated,
         files_unchanged = files_unchanged + p_unchanged, bytes_seen = bytes_seen + p_bytes,
         errors_count = errors_count + p_errors
   WHERE id = p_scan AND status IN ('running', 'paused')
  RETURNING open_slices - (NOT p_stays)::integer, next_slice,
            greatest(max_parallel - (open_slices - (NOT p_stays)::integer), 1)
       INTO v_open, v_first, v_room;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'scan % has ended', p_scan USING ERRCODE = 'RC002';
  END IF;

  IF v_length > 0 THEN
    v_chunk := least(c_row, ceil(v_length::numeric / v_room));
    v_new := ceil(v_length::numeric / v_chunk);
    -- The newest slice is promoted first and holds what is to be visited first.
    INSERT INTO slices (scan_id, number, kind, state, frontier)
    SELECT p_scan, v_first + v_new - 1 - n, 'walk', 'ready', p_frontier[n * v_chunk + 1 : (n + 1) * v_chunk]
      FROM generate_series(0, v_new - 1) n;
  ELSIF v_open = 0 THEN
    v_new := 1;
    INSERT INTO slices (scan_id, number, kind, state) VALUES (p_scan, v_first, 'finalise', 'ready');
  END IF;

  UPDATE scans SET open_slices = v_open + v_new, next_slice = v_first + v_new WHERE id = p_scan;
  IF EXISTS (SELECT 1 FROM scans WHERE id = p_scan AND status = 'running') THEN
    RETURN QUERY SELECT promote_slices(p_scan, p_number);
  END IF;
END $$;

-- Admits a scan of the library of that name or, without a name, of that root.
--
-- Outcomes, with the scan that each is about:
--   admitted            a new scan with its first slice, `queued`; the caller pushes that slice's pointer
--   existing            the scan that this request id made before
--   refused             the library's active scan; the refusal is recorded on it
--   removing, unknown   no scan
--
-- A new scan looks for itself: what earlier scans of the library staged and did not apply is discarded.
CREATE OR REPLACE FUNCTION admit_scan(
  p_name text, p_root_path text, p_mode text, p_requested_by text, p_requested_through text, p_request_id text
) RETURNS TABLE (outcome text, scan_id bigint) LANGUAGE plpgsql AS $$
DECLARE
  v_library libraries;
  v_scan    bigint;
  v_ours    boolean;
BEGIN
  SELECT s.id INTO v_scan FROM scans s WHERE s.request_id = p_request_id;
  IF FOUND THEN
    RETURN QUERY SELECT 'existing', v_scan;
    RETURN;
  END IF;

  -- Shared with other admissions, exclusive of a removal.
  SELECT l.* INTO v_library FROM libraries l
   WHERE CASE WHEN p_name IS NULL THEN l.root_path = p_root_path ELSE l.name = p_name END
     FOR SHARE;
  IF NOT FOUND THEN
    RETURN QUERY SELECT 'unknown', NULL::bigint;
    RETURN;
  ELSIF v_library.removing THEN
    RETURN QUERY SELECT 'removing', NULL::bigint;
    RETURN;
  END IF;

  LOOP
    -- Both in one look: the active scan may be the one that this request id has just made.
    SELECT s.id, coalesce(s.request_id = p_request_id, false) INTO v_scan, v_ours
      FROM scans s
     WHERE s.request_id = p_request_id OR s.library_id = v_library.id AND s.status IN ('pending', 'running', 'paused')
     ORDER BY 2 DESC LIMIT 1;
    IF v_ours THEN
      RETURN QUERY SELECT 'existing', v_scan;
      RETURN;
    ELSIF FOUND THEN
      INSERT INTO scan_events (scan_id, event, actor, detail)
      VALUES (v_scan, 'refused', p_requested_by,
              jsonb_build_object('through', p_requested_through, 'request_id', p_request_id, 'mode', p_mode));
      RETURN QUERY SELECT 'refused', v_scan;
      RETURN;
    END IF;

    INSERT INTO scans (library_id, mode, requested_by, requested_through, request_id,
                       root_path, queue, max_parallel, rules, rules_version)
    VALUES (v_library.id, p_mode, p_requested_by, p_requested_through, p_request_id, v_library.root_path,
            v_library.rules->>'queue', (v_library.rules->>'max_parallel')::integer, v_library.rules, v_library.rules_version)
    ON CONFLICT DO NOTHING RETURNING id INTO v_scan;
    IF FOUND THEN
      INSERT INTO slices (scan_id, number, kind, state, frontier)
      VALUES (v_scan, 1, 'walk', 'queued', ARRAY[v_library.root_directory]);
      INSERT INTO scan_events (scan_id, event, actor, detail)
      VALUES (v_scan, 'admitted', p_requested_by, jsonb_build_object('through', p_requested_through, 'mode', p_mode));
      WITH discarded AS (
        DELETE FROM staged_removals r WHERE r.library_id = v_library.id AND r.scan_id <> v_scan RETURNING r.scan_id)
      INSERT INTO scan_events (scan_id, event, actor, detail)
      SELECT d.scan_id, 'removals_discarded', p_requested_by, jsonb_build_object('by_scan', v_scan, 'rows', count(*))
        FROM discarded d GROUP BY d.scan_id;
      RETURN QUERY SELECT 'admitted', v_scan;
      RETURN;
    END IF;
    -- Another admission was faster, by the same request id or of the same library: look again.
  END LOOP;
END $$;

-- Claims a slice for the caller's backend, from exactly the epoch that the caller has read. Returns no
-- row where the slice moved on meanwhile or the scan is not to be worked on.
DROP FUNCTION claim_slice;
CREATE FUNCTION claim_slice(
  p_scan bigint, p_number integer, p_epoch integer, p_claim uuid, p_worker text, p_host text
) RETURNS TABLE (
  kind text, attempts integer, epoch integer, library_id bigint, library text, root_path text, queue text,
  rules jsonb, mode text, entries_seen bigint, rules_version integer
) LANGUAGE plpgsql AS $$
DECLARE
  v_slice slices;
BEGIN
  UPDATE slices s
     SET state = 'running', epoch = s.epoch + 1, claim = p_claim, worker = p_worker, host = p_host, claimed_at = now(),
         backend_pid = pg_backend_pid(),
         backend_start = (SELECT a.backend_start FROM pg_stat_get_activity(pg_backend_pid()) a)
   WHERE s.scan_id = p_scan AND s.number = p_number AND s.epoch = p_epoch AND s.state IN ('ready', 'queued', 'running')
     AND EXISTS (SELECT 1 FROM scans sc WHERE sc.id = p_scan AND sc.status IN ('pending', 'running'))
  RETURNING s.* INTO v_slice;
  IF NOT FOUND THEN
    RETURN;
  END IF;

  UPDATE scans SET status = 'running', started_at = clock_timestamp() WHERE id = p_scan AND status = 'pending';
  IF FOUND THEN
    INSERT INTO scan_events (scan_id, event, actor) VALUES (p_scan, 'started', p_worker);
  END IF;

  RETURN QUERY
  SELECT v_slice.kind, v_slice.attempts, v_slice.epoch, sc.library_id, l.name, sc.root_path, sc.queue,
         sc.rules, sc.mode, sc.files_seen + sc.directories_seen, sc.rules_version
    FROM scans sc JOIN libraries l ON l.id = sc.library_id WHERE sc.id = p_scan;
END $$;
