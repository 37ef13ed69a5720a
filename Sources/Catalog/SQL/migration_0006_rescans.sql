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
