-- The `finalise` slice: what becomes of what a scan has staged as missing. Each step is fenced and can be
-- repeated, so that whoever claims the slice after a death goes on where the other one stood:
--
--   look again ── unstage_removals, a page at a time; begun anew by every claim
--   verdict ───── decide_removals: `apply` or `hold`; from then on the scan is neither paused nor cancelled
--   apply ─────── apply_removals, a batch at a time, until nothing is staged
--   end ───────── end_scan
--
-- Errors as in a slice's life: RC001 the slice is not the caller's any more, RC002 the scan has ended.

-- Of a missing directory: how far its removal has come. What lies deepest is taken first, so that no more
-- rows are staged than one way down the tree has beside it.
ALTER TABLE staged_removals
  -- Levels below the directory that was found missing.
  ADD COLUMN below integer NOT NULL DEFAULT 0,
  -- Its files up to this name are tombstones: each batch begins where the last one ended, rather than
  -- wade through the dead index entries of all before it.
  ADD COLUMN after bytea NOT NULL DEFAULT '';

CREATE INDEX staged_removals_deepest ON staged_removals (scan_id, below DESC, row_id) WHERE kind = 'd';

-- The slice's row, locked; RC001 unless it is a `finalise` slice `running` under this epoch and claim.
CREATE FUNCTION fence_finalise(p_scan bigint, p_number integer, p_epoch integer, p_claim uuid) RETURNS slices
LANGUAGE plpgsql AS $$
DECLARE
  v_slice slices;
BEGIN
  SELECT * INTO v_slice FROM slices s
   WHERE s.scan_id = p_scan AND s.number = p_number AND s.epoch = p_epoch AND s.claim = p_claim
     AND s.state = 'running' AND s.kind = 'finalise'
     FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'slice %/% is no longer running under claim % of epoch %', p_scan, p_number, p_claim, p_epoch
      USING ERRCODE = 'RC001';
  END IF;
  RETURN v_slice;
END $$;

-- Takes off the list what the second look has found, or could not tell of. Nothing after the verdict. Safe
-- to repeat. The signatures of the directories concerned are NULL since the staging, and stay so.
CREATE FUNCTION unstage_removals(
  p_scan bigint, p_number integer, p_epoch integer, p_claim uuid, p_directories bigint[], p_files bigint[]
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM fence_finalise(p_scan, p_number, p_epoch, p_claim);
  DELETE FROM staged_removals
   WHERE scan_id = p_scan AND (kind = 'd' AND row_id = ANY (p_directories) OR kind = 'f' AND row_id = ANY (p_files))
     AND EXISTS (SELECT 1 FROM scans WHERE id = p_scan AND removal_verdict IS NULL);
END $$;

-- A name as one word of a shell: messages hold commands that people paste.
CREATE FUNCTION shell_word(p_word text) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $$
  SELECT CASE WHEN p_word ~ '^[A-Za-z0-9_.][A-Za-z0-9_.-]*$' THEN p_word
              ELSE '''' || replace(p_word, '''', '''\''''') || '''' END
$$;

-- Sets the verdict, once: `hold` where more files would go than `removal_limit` and more than
-- `removal_limit_percent` percent of what the library had before this scan; `apply` otherwise. Returns it,
-- also when it was set before. p_files is how many would go, as the caller has counted: if it is not fenced
-- now, it has had the library to itself meanwhile.
CREATE FUNCTION decide_removals(p_scan bigint, p_number integer, p_epoch integer, p_claim uuid, p_files bigint)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  v_slice   slices := fence_finalise(p_scan, p_number, p_epoch, p_claim);
  v_scan    scans;
  v_library bigint;
  v_limit   bigint;
  v_percent bigint;
  v_held    boolean;
BEGIN
  SELECT * INTO v_scan FROM scans WHERE id = p_scan AND status IN ('running', 'paused') FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'scan % has ended', p_scan USING ERRCODE = 'RC002';
  ELSIF v_scan.removal_verdict IS NOT NULL THEN
    RETURN v_scan.removal_verdict;
  END IF;

  v_library := v_scan.files_seen - v_scan.files_added + p_files;
  v_limit := coalesce((v_scan.rules->>'removal_limit')::bigint, 1000);
  v_percent := coalesce((v_scan.rules->>'removal_limit_percent')::bigint, 50);
  v_held := p_files > v_limit AND p_files * 100 > v_percent * v_library;
  IF v_held THEN
    PERFORM hold_removals(p_scan, p_files, format(
      '%s of %s files are missing, which is more than this library''s removal limits (%s files and %s %%) let go: '
      'nothing was removed. If they should be there, see to the tree (is everything mounted?) and scan again. '
      'If they are gone for good, raise a limit (`rollcall library set %s --removal-limit %s`) and scan again.',
      p_files, v_library, v_limit, v_percent, (SELECT shell_word(l.name) FROM libraries l WHERE l.id = v_scan.library_id), p_files));
  ELSE
    UPDATE scans SET removal_verdict = 'apply' WHERE id = p_scan;
  END IF;
  INSERT INTO scan_events (scan_id, event, actor, detail)
  VALUES (p_scan, CASE WHEN v_held THEN 'removals_held' ELSE 'removals_applied' END, v_slice.worker,
          jsonb_build_object('files', p_files, 'library_files', v_library, 'removal_limit', v_limit,
                             'removal_limit_percent', v_percent));
  RETURN CASE WHEN v_held THEN 'hold' ELSE 'apply' END;
END $$;

-- Holds what is staged. The caller has fenced itself, and tells why in an event.
CREATE FUNCTION hold_removals(p_scan bigint, p_files bigint, p_message text) RETURNS void LANGUAGE sql AS $$
  UPDATE scans SET removal_verdict = 'hold', removals_held = p_files, message = p_message WHERE id = p_scan;
$$;

-- Removes one batch of what is staged: at most p_limit files become tombstones, and at most as many
-- directories; of a larger directory the next batches remove the rest. Files first, then directories, the
-- deepest first: one without live files has its live directories staged before it, and becomes a tombstone
-- when none is left. Rows that are not live, or no longer what was staged, are passed over. Returns how
-- many files went, and whether anything is left. RC002 also before the verdict, and after `hold`.
--
-- Locks in the order slice, catalogue rows, scan.
CREATE FUNCTION apply_removals(p_scan bigint, p_number integer, p_epoch integer, p_claim uuid, p_limit integer)
RETURNS TABLE (files bigint, is_left boolean) LANGUAGE plpgsql
  SET plan_cache_mode = force_custom_plan SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off AS $$
DECLARE
  v_files bigint;
BEGIN
  PERFORM fence_finalise(p_scan, p_number, p_epoch, p_claim);
  -- Whoever commits a batch gets somewhere: the attempts start anew.
  UPDATE slices SET attempts = 0 WHERE scan_id = p_scan AND number = p_number AND attempts > 0;

  IF EXISTS (SELECT 1 FROM staged_removals WHERE scan_id = p_scan AND kind = 'f') THEN
    v_files := remove_staged_files(p_scan, p_limit);
  ELSE
    v_files := remove_staged_directories(p_scan, p_limit);
  END IF;

  UPDATE scans SET files_removed = files_removed + v_files
   WHERE id = p_scan AND status IN ('running', 'paused') AND removal_verdict = 'apply';
  IF NOT FOUND THEN
    RAISE EXCEPTION 'scan % has ended, or is not to remove anything', p_scan USING ERRCODE = 'RC002';
  END IF;
  RETURN QUERY SELECT v_files, EXISTS (SELECT 1 FROM staged_removals WHERE scan_id = p_scan);
END $$;

-- For apply_removals: the next p_limit of the staged files. Returns how many were live.
CREATE FUNCTION remove_staged_files(p_scan bigint, p_limit integer) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  v_library bigint := (SELECT library_id FROM scans WHERE id = p_scan);
  v_last    bigint;
  v_files   bigint;
BEGIN
  SELECT max(b.row_id) INTO v_last FROM (
    SELECT row_id FROM staged_removals WHERE scan_id = p_scan AND kind = 'f' ORDER BY row_id LIMIT p_limit) b;

  UPDATE directories d SET signature = NULL, signature_version = NULL
   WHERE d.library_id = v_library AND d.signature IS NOT NULL AND d.id = ANY (ARRAY(
     SELECT DISTINCT s.directory_id FROM staged_removals s
      WHERE s.scan_id = p_scan AND s.kind = 'f' AND s.row_id <= v_last));

  UPDATE files f SET removed_at = now(), changed_scan = p_scan
   WHERE f.library_id = v_library AND f.ctid = ANY (ARRAY(
     SELECT t.ctid FROM staged_removals s CROSS JOIN LATERAL (
       SELECT u.ctid FROM files u
        WHERE u.library_id = v_library AND u.directory_id = s.directory_id AND u.name = s.name AND u.id = s.row_id
          AND u.removed_at IS NULL OFFSET 0) t
      WHERE s.scan_id = p_scan AND s.kind = 'f' AND s.row_id <= v_last));
  GET DIAGNOSTICS v_files = ROW_COUNT;

  DELETE FROM staged_removals WHERE scan_id = p_scan AND kind = 'f' AND row_id <= v_last;
  RETURN v_files;
END $$;

-- For apply_removals: the next step of the deepest staged directories. Returns how many files went.
CREATE FUNCTION remove_staged_directories(p_scan bigint, p_limit integer) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  -- A directory of more files than this notes how far it has come.
  c_large   CONSTANT integer := 100;
  v_library bigint := (SELECT library_id FROM scans WHERE id = p_scan);
  v_batch   bigint[];
  v_files   bigint;
  v_large   bigint[];
  v_after   bytea[];
  -- Directories that have lost files.
  v_touched bigint[];
BEGIN
  v_batch := ARRAY(
    SELECT row_id FROM staged_removals WHERE scan_id = p_scan AND kind = 'd' ORDER BY below DESC, row_id LIMIT p_limit);

  -- What is a tombstone by now, or lies elsewhere.
  DELETE FROM staged_removals s
   WHERE s.scan_id = p_scan AND s.kind = 'd' AND s.row_id = ANY (v_batch) AND NOT EXISTS (
     SELECT 1 FROM directories d
      WHERE d.library_id = v_library AND d.id = s.row_id AND d.parent_id = s.directory_id AND d.name = s.name
        AND d.removed_at IS NULL OFFSET 0);

  WITH gone AS (
    UPDATE files f SET removed_at = now(), changed_scan = p_scan
     WHERE f.library_id = v_library AND f.ctid = ANY (ARRAY(
       SELECT t.ctid FROM staged_removals s CROSS JOIN LATERAL (
         SELECT u.ctid FROM files u
          WHERE u.library_id = v_library AND u.directory_id = s.row_id AND u.name > s.after AND u.removed_at IS NULL
          ORDER BY u.name LIMIT p_limit) t
        WHERE s.scan_id = p_scan AND s.kind = 'd' AND s.row_id = ANY (v_batch)
        LIMIT p_limit))
    RETURNING f.directory_id, f.name
  ), counted AS (
    SELECT directory_id, count(*) AS files, (array_agg(name ORDER BY name DESC))[1] AS last FROM gone GROUP BY directory_id
  )
  SELECT coalesce(sum(c.files), 0), array_agg(c.directory_id) FILTER (WHERE c.files > c_large),
         array_agg(c.last) FILTER (WHERE c.files > c_large), array_agg(c.directory_id)
    INTO v_files, v_large, v_after, v_touched FROM counted c;
  FOR i IN 1 .. coalesce(cardinality(v_large), 0) LOOP
    UPDATE staged_removals SET after = v_after[i] WHERE scan_id = p_scan AND kind = 'd' AND row_id = v_large[i];
  END LOOP;
  IF v_files = p_limit THEN
    -- Not one of them needs to become a tombstone: the rest may be held for good.
    UPDATE directories d SET signature = NULL, signature_version = NULL
     WHERE d.library_id = v_library AND d.signature IS NOT NULL AND d.id = ANY (v_touched);
    RETURN v_files;
  END IF;

  -- No file is left: their directories go before them. One that is staged already goes no later than these.
  INSERT INTO staged_removals (scan_id, library_id, kind, row_id, directory_id, name, below)
  SELECT p_scan, v_library, 'd', c.id, c.parent_id, c.name, c.below FROM (
    SELECT d.*, s.below + 1 AS below FROM staged_removals s CROSS JOIN LATERAL (
      SELECT u.id, u.parent_id, u.name FROM directories u
       WHERE u.library_id = v_library AND u.parent_id = s.row_id AND u.removed_at IS NULL LIMIT 10 * p_limit) d
     WHERE s.scan_id = p_scan AND s.kind = 'd' AND s.row_id = ANY (v_batch)
     LIMIT 10 * p_limit) c
  ON CONFLICT (scan_id, kind, row_id) DO UPDATE SET below = excluded.below WHERE staged_removals.below < excluded.below;

  v_batch := ARRAY(
    SELECT s.row_id FROM staged_removals s
     WHERE s.scan_id = p_scan AND s.kind = 'd' AND s.row_id = ANY (v_batch)
       AND NOT EXISTS (
         SELECT 1 FROM directories u WHERE u.library_id = v_library AND u.parent_id = s.row_id AND u.removed_at IS NULL OFFSET 0)
       AND NOT EXISTS (
         SELECT 1 FROM files u WHERE u.library_id = v_library AND u.directory_id = s.row_id AND u.removed_at IS NULL OFFSET 0));
  UPDATE directories d SET removed_at = now(), changed_scan = p_scan, signature = NULL, signature_version = NULL
   WHERE d.library_id = v_library AND d.id = ANY (v_batch) AND d.removed_at IS NULL;
  UPDATE directories d SET signature = NULL, signature_version = NULL
   WHERE d.library_id = v_library AND d.signature IS NOT NULL AND d.id = ANY (v_touched || ARRAY(
     SELECT DISTINCT s.directory_id FROM staged_removals s
      WHERE s.scan_id = p_scan AND s.kind = 'd' AND s.row_id = ANY (v_batch)));
  DELETE FROM staged_removals WHERE scan_id = p_scan AND kind = 'd' AND row_id = ANY (v_batch);
  RETURN v_files;
END $$;

-- Ends a scan: the commit of its `finalise` slice. Returns the end state. What is staged has been applied
-- by now, or is held and stays. RC001, RC002 as above.
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
  UPDATE scans
     SET status = CASE WHEN errors_count = 0 AND removal_verdict IS DISTINCT FROM 'hold' THEN 'completed' ELSE 'partial' END,
         completed_at = clock_timestamp(), open_slices = 0
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

-- Ends a scan whose `finalise` slice has used its attempts up: before the verdict it fails, and removes
-- nothing; after it the rest is held, and it ends `partial`. Returns the end state. RC001 as above.
CREATE FUNCTION give_up_finalise(p_scan bigint, p_number integer, p_epoch integer, p_claim uuid) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  v_slice slices := fence_finalise(p_scan, p_number, p_epoch, p_claim);
  v_files bigint;
  v_error text;
BEGIN
  v_error := coalesce(
    (SELECT e.detail->>'error' FROM scan_events e
      WHERE e.scan_id = p_scan AND e.event = 'slice_failed' AND (e.detail->>'slice')::integer = p_number
      ORDER BY e.id DESC LIMIT 1),
    'each of its last ' || v_slice.attempts || ' workers died at it');
  IF EXISTS (SELECT 1 FROM scans WHERE id = p_scan AND removal_verdict IS NULL) THEN
    PERFORM fail_scan(p_scan, v_slice.worker, 'the end of the scan failed: ' || v_error);
    PERFORM drop_slices(p_scan);
    RETURN 'failed';
  END IF;

  IF EXISTS (SELECT 1 FROM scans WHERE id = p_scan AND removal_verdict = 'apply')
    AND EXISTS (SELECT 1 FROM staged_removals WHERE scan_id = p_scan) THEN
    -- Of what the verdict was about, what has not been removed since.
    SELECT (e.detail->>'files')::bigint - sc.files_removed INTO v_files
      FROM scans sc JOIN scan_events e ON e.scan_id = sc.id AND e.event = 'removals_applied' WHERE sc.id = p_scan;
    PERFORM hold_removals(p_scan, v_files, format(
      '%s missing files could not be removed from the catalogue: %s. Scan again to remove them.', v_files, v_error));
    INSERT INTO scan_events (scan_id, event, actor, detail)
    VALUES (p_scan, 'removals_held', v_slice.worker, jsonb_build_object('files', v_files, 'error', v_error));
  END IF;
  RETURN end_scan(p_scan, p_number, p_epoch, p_claim, v_slice.worker);
END $$;

-- Records that a slice failed by itself. It goes back to the queue until its attempts are used up; then
-- the scan ends: it fails with the message or, after its `finalise` slice's verdict, ends with the rest of
-- its removals held. Returns `requeued`, `failed` (the scan has ended) or, for whoever is superseded,
-- `fenced`.
CREATE OR REPLACE FUNCTION slice_failed(
  p_scan bigint, p_number integer, p_epoch integer, p_claim uuid, p_message text, p_max_attempts integer
) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  v_slice slices;
BEGIN
  SELECT * INTO v_slice FROM slices s
   WHERE s.scan_id = p_scan AND s.number = p_number AND s.epoch = p_epoch AND s.claim = p_claim AND s.state = 'running'
     FOR UPDATE;
  IF NOT FOUND THEN
    RETURN 'fenced';
  END IF;
  UPDATE slices SET attempts = attempts + 1 WHERE scan_id = p_scan AND number = p_number;
  INSERT INTO scan_events (scan_id, event, actor, detail)
  VALUES (p_scan, 'slice_failed', v_slice.worker,
          jsonb_build_object('slice', p_number, 'attempt', v_slice.attempts + 1, 'error', p_message));
  IF v_slice.attempts + 1 >= p_max_attempts
    AND EXISTS (SELECT 1 FROM scans WHERE id = p_scan AND status IN ('running', 'paused') AND removal_verdict IS NOT NULL) THEN
    PERFORM give_up_finalise(p_scan, p_number, p_epoch, p_claim);
    RETURN 'failed';
  END IF;
  PERFORM release_slice(p_scan, p_number, p_epoch, p_claim);
  IF v_slice.attempts + 1 < p_max_attempts THEN
    RETURN 'requeued';
  END IF;
  PERFORM fail_scan(p_scan, v_slice.worker, p_message);
  RETURN 'failed';
END $$;

-- Drops the slices of an ended scan, and what it has staged and will not remove. Slices' rows that a late
-- commit still holds are passed over: it waits for the scan's row, rolls back, and calls this again.
--
-- Whoever ends an active scan otherwise (fail_scan, a cancel) leaves the catalogue's rows alone, and must
-- not do so once removal_verdict is set: from then on removals may have been applied.
CREATE OR REPLACE FUNCTION drop_slices(p_scan bigint) RETURNS void LANGUAGE sql AS $$
  DELETE FROM slices WHERE (scan_id, number) IN (
    SELECT s.scan_id, s.number FROM slices s JOIN scans sc ON sc.id = s.scan_id
     WHERE s.scan_id = p_scan AND sc.status IN ('completed', 'partial', 'failed', 'cancelled')
       FOR UPDATE OF s SKIP LOCKED);
  DELETE FROM staged_removals WHERE scan_id = p_scan AND EXISTS (
    SELECT 1 FROM scans sc
     WHERE sc.id = p_scan AND (sc.status IN ('failed', 'cancelled')
                               OR sc.status IN ('completed', 'partial') AND sc.removal_verdict IS DISTINCT FROM 'hold'));
$$;
