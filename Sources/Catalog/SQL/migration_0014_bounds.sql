-- Steps whose length is bounded, whatever a scan has staged: rows of staged_removals that nobody wants any more
-- are deleted in batches, by and by. And a scan that loses its slices after its verdict does not fail any more:
-- some of its removals may have been applied.

-- Deletes at most p_limit of the rows that a scan has staged, where nobody wants them any more; returns how
-- many. Wanted are those of an active scan, and those that a library's last scan holds. Waits for nobody.
CREATE FUNCTION drop_staged(p_scan bigint, p_limit bigint) RETURNS bigint LANGUAGE plpgsql
  SET plan_cache_mode = force_custom_plan SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off AS $$
DECLARE
  v_dropped bigint;
BEGIN
  IF EXISTS (
    SELECT 1 FROM scans s
     WHERE s.id = p_scan
       AND (s.status IN ('pending', 'running', 'paused')
            OR s.status IN ('completed', 'partial') AND s.removal_verdict = 'hold'
               AND NOT EXISTS (SELECT 1 FROM scans n WHERE n.library_id = s.library_id AND n.id > s.id)))
  THEN
    RETURN 0;
  END IF;
  DELETE FROM staged_removals WHERE ctid = ANY (ARRAY(
    SELECT r.ctid FROM staged_removals r WHERE r.scan_id = p_scan LIMIT p_limit FOR UPDATE SKIP LOCKED));
  GET DIAGNOSTICS v_dropped = ROW_COUNT;
  RETURN v_dropped;
END $$;

-- Does so for all scans, up to p_limit rows in all. They are found by hopping from one to the next in the
-- key's index, however many rows each has.
CREATE FUNCTION drop_left_staged(p_limit bigint) RETURNS bigint LANGUAGE plpgsql
  SET plan_cache_mode = force_custom_plan SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off AS $$
DECLARE
  v_scan    bigint := 0;
  v_dropped bigint := 0;
BEGIN
  WHILE v_dropped < p_limit LOOP
    SELECT r.scan_id INTO v_scan FROM staged_removals r WHERE r.scan_id > v_scan ORDER BY r.scan_id LIMIT 1;
    EXIT WHEN NOT FOUND;
    v_dropped := v_dropped + drop_staged(v_scan, p_limit - v_dropped);
  END LOOP;
  RETURN v_dropped;
END $$;

-- Drops the slices of an ended scan, and the first of what it has staged and will not remove; the reaper drops
-- the rest. Slices' rows that a late commit still holds are passed over: it waits for the scan's row, rolls
-- back, and calls this again.
--
-- Whoever ends an active scan otherwise (fail_scan, a cancel) leaves the catalogue's rows alone, and must
-- not do so once removal_verdict is set: from then on removals may have been applied.
CREATE OR REPLACE FUNCTION drop_slices(p_scan bigint) RETURNS void LANGUAGE sql AS $$
  DELETE FROM slices WHERE (scan_id, number) IN (
    SELECT s.scan_id, s.number FROM slices s JOIN scans sc ON sc.id = s.scan_id
     WHERE s.scan_id = p_scan AND sc.status IN ('completed', 'partial', 'failed', 'cancelled')
       FOR UPDATE OF s SKIP LOCKED);
  SELECT drop_staged(p_scan, 100000);
$$;

-- Admits a scan of the library of that name or, without a name, of that root.
--
-- Outcomes, with the scan that each is about:
--   admitted            a new scan with its first slice, `queued`; the caller pushes that slice's pointer
--   existing            the scan that this request id made before
--   refused             the library's active scan; the refusal is recorded on it
--   removing, unknown   no scan
--
-- A new scan looks for itself: what the last one holds is discarded from now on, which an event of that one
-- tells. The rows are deleted by and by; nothing reads those of another scan.
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
      INSERT INTO scan_events (scan_id, event, actor, detail)
      SELECT p.id, 'removals_discarded', p_requested_by, jsonb_build_object('by_scan', v_scan, 'files', p.removals_held)
        FROM (SELECT * FROM scans s WHERE s.library_id = v_library.id AND s.id < v_scan ORDER BY s.id DESC LIMIT 1) p
       WHERE p.removal_verdict = 'hold' AND EXISTS (SELECT 1 FROM staged_removals r WHERE r.scan_id = p.id);
      RETURN QUERY SELECT 'admitted', v_scan;
      RETURN;
    END IF;
    -- Another admission was faster, by the same request id or of the same library: look again.
  END LOOP;
END $$;

-- Ends a scan that has its verdict and not all of its slices, as give_up_finalise does, under a `finalise` slice
-- of that number that is made for it. The caller holds the scan's row, after which no slice may be waited for:
-- false, and nothing done, where somebody is at work on one.
CREATE FUNCTION end_without_slices(p_scan bigint, p_number integer, p_actor text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  v_claim uuid := gen_random_uuid();
  v_free  bigint;
BEGIN
  SELECT count(*) INTO v_free FROM (
    SELECT 1 FROM slices WHERE scan_id = p_scan FOR UPDATE SKIP LOCKED) f;
  IF v_free < (SELECT count(*) FROM slices WHERE scan_id = p_scan) THEN
    RETURN false;
  END IF;
  UPDATE slices SET state = 'done' WHERE scan_id = p_scan AND state <> 'done';
  INSERT INTO slices (scan_id, number, kind, state, epoch, claim, worker)
  VALUES (p_scan, p_number, 'finalise', 'running', 1, v_claim, p_actor);
  INSERT INTO scan_events (scan_id, event, actor, detail)
  VALUES (p_scan, 'slice_failed', p_actor,
          jsonb_build_object('slice', p_number, 'attempt', 1, 'error', 'the scan''s slices were lost from the database'));
  PERFORM give_up_finalise(p_scan, p_number, 1, v_claim);
  RETURN true;
END $$;

-- Mends one pending or running scan. Decided under the scan's row, which every commit updates last: a
-- commit is then either seen whole or not at all. Returns what was done:
--   slices_lost   slices are gone, and with them what they had to walk: the scan has failed; after its verdict
--                 only its end was left, and it has ended, with the rest of its removals held
--   open_slices   its count of open slices was wrong
--   finalise      nothing was open, and it has a `finalise` slice now; its pointer wants to be pushed
--   promotion     a ready slice for which there was room is queued; its pointer wants to be pushed
CREATE OR REPLACE FUNCTION mend_scan(p_scan bigint, p_actor text)
RETURNS TABLE (what text, slice integer, queue text) LANGUAGE plpgsql AS $$
DECLARE
  v_scan     scans;
  v_all      bigint;
  v_open     integer;
  v_last     integer;
  v_promoted integer[];
BEGIN
  SELECT * INTO v_scan FROM scans WHERE id = p_scan AND status IN ('pending', 'running') FOR UPDATE SKIP LOCKED;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  SELECT count(*), count(*) FILTER (WHERE s.state <> 'done'), max(s.number) INTO v_all, v_open, v_last
    FROM slices s WHERE s.scan_id = p_scan;

  -- No slice is deleted before its scan ends.
  IF v_all < v_scan.next_slice - 1 THEN
    IF v_scan.removal_verdict IS NULL THEN
      PERFORM fail_scan(p_scan, p_actor, 'the scan''s slices were lost from the database: scan again');
    ELSIF NOT end_without_slices(p_scan, greatest(v_scan.next_slice, v_last + 1), p_actor) THEN
      RETURN;
    END IF;
    PERFORM note_repair(p_scan, p_actor, 'slices_lost', NULL,
                        jsonb_build_object('status', v_scan.status, 'open_slices', v_scan.open_slices,
                                           'slices', v_scan.next_slice - 1, 'left', v_all),
                        (SELECT jsonb_build_object('status', status) FROM scans WHERE id = p_scan));
    RETURN QUERY SELECT 'slices_lost', NULL::integer, v_scan.queue;
    RETURN;
  END IF;

  IF v_open <> v_scan.open_slices THEN
    UPDATE scans SET open_slices = v_open WHERE id = p_scan;
    PERFORM note_repair(p_scan, p_actor, 'open_slices', NULL, jsonb_build_object('open_slices', v_scan.open_slices),
                        jsonb_build_object('open_slices', v_open));
    RETURN QUERY SELECT 'open_slices', NULL::integer, v_scan.queue;
  END IF;

  IF v_open = 0 THEN
    v_last := greatest(v_scan.next_slice, v_last + 1);
    INSERT INTO slices (scan_id, number, kind, state) VALUES (p_scan, v_last, 'finalise', 'queued');
    UPDATE scans SET open_slices = 1, next_slice = v_last + 1 WHERE id = p_scan;
    PERFORM note_repair(p_scan, p_actor, 'finalise', v_last, jsonb_build_object('open_slices', 0),
                        jsonb_build_object('open_slices', 1, 'state', 'queued'));
    RETURN QUERY SELECT 'finalise', v_last, v_scan.queue;
    RETURN;
  END IF;

  SELECT array_agg(n) INTO v_promoted FROM promote_slices(p_scan) n;
  IF v_promoted IS NOT NULL THEN
    PERFORM note_repair(p_scan, p_actor, 'promotion', n, '{"state": "ready"}', '{"state": "queued"}')
       FROM unnest(v_promoted) n;
    RETURN QUERY SELECT 'promotion', n, v_scan.queue FROM unnest(v_promoted) n;
  END IF;
END $$;
