-- Renames while a scan runs: what goes from a part that is not yet walked into one that is, or the other way, was
-- met never or twice. So when the walk is over, and has changed anything, the scan compares the stamps of its
-- directories with the tree, and lists those again that are not what they were when they were listed:
--
--   finalise ── note_stale, a page of directories at a time; each that has any makes a `walk` slice of them
--            ── begin_rewalk: this slice is done, those are queued, and the last of them adds a new `finalise`
--
-- At most three times a scan: a tree may never come to rest.

ALTER TABLE scans
  -- How often the scan has listed directories again.
  ADD COLUMN rewalks integer NOT NULL DEFAULT 0,
  -- It has written rows of directories, or staged some, since stamps were last compared. Nobody knows of the scans
  -- that are there now.
  ADD COLUMN has_changes boolean NOT NULL DEFAULT true;
ALTER TABLE scans ALTER COLUMN has_changes SET DEFAULT false;
ALTER TABLE slices
  -- Directories that the scan has listed before, whose listing is compared with that one; of the frontier, and
  -- maybe more.
  ADD COLUMN again bigint[],
  -- Of a `finalise` slice: the stamps of directories up to this id are compared.
  ADD COLUMN stamped_to bigint;

-- Records that the stamps of a scan's directories up to the id p_after are compared, and which of them are stale, of
-- them p_again those that the scan has listed before. Begins the slice's attempts anew. RC001; RC002 where the scan has ended, or has its verdict.
CREATE FUNCTION note_stale(
  p_scan bigint, p_number integer, p_epoch integer, p_claim uuid, p_after bigint, p_directories bigint[],
  p_again bigint[]
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  v_new integer;
BEGIN
  PERFORM fence_finalise(p_scan, p_number, p_epoch, p_claim);
  UPDATE slices SET stamped_to = p_after, attempts = 0, last_failure = NULL WHERE scan_id = p_scan AND number = p_number;
  IF cardinality(p_directories) = 0 THEN
    RETURN;
  END IF;
  UPDATE scans SET open_slices = open_slices + 1, next_slice = next_slice + 1
   WHERE id = p_scan AND status IN ('running', 'paused') AND removal_verdict IS NULL
  RETURNING next_slice - 1 INTO v_new;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'scan % has ended, or is past its walk', p_scan USING ERRCODE = 'RC002';
  END IF;
  INSERT INTO slices (scan_id, number, kind, state, frontier, again)
  VALUES (p_scan, v_new, 'walk', 'ready', p_directories, p_again);
END $$;

-- Begins to list again what note_stale has recorded: the `finalise` slice is done with that, and another one comes
-- after. One row that is false where there is nothing to list; else true, with each slice that is queued now. RC001,
-- RC002 as above.
CREATE FUNCTION begin_rewalk(p_scan bigint, p_number integer, p_epoch integer, p_claim uuid)
RETURNS TABLE (begun boolean, slice integer) LANGUAGE plpgsql AS $$
DECLARE
  v_slice slices := fence_finalise(p_scan, p_number, p_epoch, p_claim);
  v_stale bigint;
  v_scan  scans;
  v_any   boolean := false;
BEGIN
  -- Of those that were walked by now the successors have some too.
  SELECT count(DISTINCT d.id) INTO v_stale FROM slices s, unnest(s.frontier) AS d(id)
   WHERE s.scan_id = p_scan AND s.number > p_number;
  IF v_stale = 0 THEN
    RETURN QUERY SELECT false, NULL::integer;
    RETURN;
  END IF;
  PERFORM fence_slice(p_scan, p_number, p_epoch, p_claim, 0);
  PERFORM 1 FROM scans WHERE id = p_scan FOR UPDATE;
  -- Some may have been walked by now, if a reaper has queued them.
  UPDATE scans
     SET rewalks = rewalks + 1, open_slices = open_slices - 1,
         has_changes = EXISTS (
           SELECT 1 FROM slices s WHERE s.scan_id = p_scan AND s.number > p_number AND s.state <> 'ready')
   WHERE id = p_scan AND status IN ('running', 'paused') AND removal_verdict IS NULL
  RETURNING * INTO v_scan;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'scan % has ended, or is past its walk', p_scan USING ERRCODE = 'RC002';
  END IF;
  INSERT INTO scan_events (scan_id, event, actor, detail)
  VALUES (p_scan, 'rewalk', v_slice.worker, jsonb_build_object('round', v_scan.rewalks, 'directories', v_stale));
  IF v_scan.open_slices = 0 THEN
    INSERT INTO slices (scan_id, number, kind, state) VALUES (p_scan, v_scan.next_slice, 'finalise', 'ready');
    UPDATE scans SET open_slices = 1, next_slice = next_slice + 1 WHERE id = p_scan;
  END IF;
  IF v_scan.status = 'running' THEN
    RETURN QUERY SELECT true, n FROM promote_slices(p_scan, p_number) n;
    v_any := FOUND;
  END IF;
  IF NOT v_any THEN
    RETURN QUERY SELECT true, NULL::integer;
  END IF;
END $$;

-- The last part of a slice's commit, after fence_slice and the catalogue's rows: adds the counters to
-- the scan, cuts the rest of the frontier into new slices (as many as the scan's max_parallel has room
-- for, at least one, none of more than 4,096 directories), adds the `finalise` slice where nothing is
-- open any more, and returns the numbers of the slices that are now queued and want a pointer. RC002
-- where the scan has ended. p_stays: the slice is not done, but goes on with a part that p_frontier
-- does not name. p_has_changes: it writes rows of directories, or stages some; earlier releases do not tell. What this
-- slice was to list again, its successors are.
DROP FUNCTION settle_slice;
CREATE FUNCTION settle_slice(
  p_scan bigint, p_number integer, p_frontier bigint[], p_directories bigint, p_files bigint, p_added bigint,
  p_updated bigint, p_unchanged bigint, p_bytes bigint, p_errors bigint, p_stays boolean DEFAULT false,
  p_categories bigint DEFAULT 0, p_courses bigint DEFAULT 0, p_ignored bigint DEFAULT 0,
  p_has_changes boolean DEFAULT true
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
         courses_found = courses_found + p_courses, entries_ignored = entries_ignored + p_ignored,
         has_changes = has_changes OR p_has_changes
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
    INSERT INTO slices (scan_id, number, kind, state, frontier, again)
    SELECT p_scan, v_first + v_new - 1 - n, 'walk', 'ready', p_frontier[n * v_chunk + 1 : (n + 1) * v_chunk],
           (SELECT s.again FROM slices s WHERE s.scan_id = p_scan AND s.number = p_number)
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
