-- A scan that has lost slices from its table has lost what they had to walk: it fails. Lowering its count
-- of open slices instead would let it end as if that had been walked, and count what lies there as gone.

-- Mends one pending or running scan. Decided under the scan's row, which every commit updates last: a
-- commit is then either seen whole or not at all. Returns what was done:
--   slices_lost   slices are gone, and with them what they had to walk: the scan has failed
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
    PERFORM note_repair(p_scan, p_actor, 'slices_lost', NULL,
                        jsonb_build_object('status', v_scan.status, 'open_slices', v_scan.open_slices,
                                           'slices', v_scan.next_slice - 1, 'left', v_all),
                        jsonb_build_object('status', 'failed'));
    PERFORM fail_scan(p_scan, p_actor, 'the scan''s slices were lost from the database: scan again');
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
