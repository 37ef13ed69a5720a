-- What a walk that judges entries by the library's rules adds to its scan: how many entries it passed over, and under
-- the layout category/course how many of either it found.

ALTER TABLE scans ADD COLUMN entries_ignored bigint NOT NULL DEFAULT 0;

-- The last part of a slice's commit, after fence_slice and the catalogue's rows: adds the counters to
-- the scan, cuts the rest of the frontier into new slices (as many as the scan's max_parallel has room
-- for, at least one, none of more than 4,096 directories), adds the `finalise` slice where nothing is
-- open any more, and returns the numbers of the slices that are now queued and want a pointer. RC002
-- where the scan has ended. p_stays: the slice is not done, but goes on with a part that p_frontier
-- does not name. The last three have defaults, as the previous release does not give them.
DROP FUNCTION settle_slice;
CREATE FUNCTION settle_slice(
  p_scan bigint, p_number integer, p_frontier bigint[], p_directories bigint, p_files bigint, p_added bigint,
  p_updated bigint, p_unchanged bigint, p_bytes bigint, p_errors bigint, p_stays boolean DEFAULT false,
  p_categories bigint DEFAULT 0, p_courses bigint DEFAULT 0, p_ignored bigint DEFAULT 0
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
         errors_count = errors_count + p_errors, categories_found = categories_found + p_categories,
         courses_found = courses_found + p_courses, entries_ignored = entries_ignored + p_ignored
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

-- A scan as the program shows it.
CREATE OR REPLACE VIEW scan_records AS
SELECT s.id, s.library_id, l.name AS library, s.root_path, s.mode, s.status, s.requested_by, s.requested_through,
       s.request_id, s.requested_at, s.started_at, s.completed_at, s.categories_found, s.courses_found,
       s.directories_seen, s.files_seen, s.files_added, s.files_updated, s.files_moved, s.files_unchanged,
       s.files_removed, s.removals_held, s.bytes_seen::text AS bytes_seen, s.errors_count, s.slices_redone,
       s.message, s.error_message, s.queue, s.max_parallel, s.entries_ignored
  FROM scans s JOIN libraries l ON l.id = s.library_id;
