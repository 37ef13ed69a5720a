-- Repairs: what the reaper mends where Redis and these tables have drifted apart. Each function looks
-- again under a lock before it acts, and writes what it did into scan_events (`repaired`, with before and
-- after) in the same transaction; the pointers that follow from it are pushed after. None waits for a
-- lock: a row that somebody holds is being worked on, or is looked at again by the next pass.

-- When a slice's pointer was last pushed again: by this one of several reapers sees that another has.
ALTER TABLE slices ADD COLUMN repaired_at timestamptz;

-- Records that a slice's pointer was found nowhere, and is to be pushed again. False where the slice has
-- moved on from that epoch and state, its scan is not to be worked on, or another reaper has repaired it
-- since the caller first missed it, p_age_ms ago.
CREATE FUNCTION repair_pointer(
  p_scan bigint, p_number integer, p_epoch integer, p_state text, p_age_ms bigint, p_actor text
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  v_since    timestamptz := clock_timestamp() - p_age_ms * interval '1 millisecond';
  v_repaired timestamptz;
  v_worker   text;
BEGIN
  PERFORM 1 FROM scans WHERE id = p_scan AND status IN ('pending', 'running');
  IF NOT FOUND THEN
    RETURN false;
  END IF;

  SELECT s.repaired_at, s.worker INTO v_repaired, v_worker FROM slices s
   WHERE s.scan_id = p_scan AND s.number = p_number AND s.epoch = p_epoch AND s.state = p_state
     FOR UPDATE SKIP LOCKED;
  IF FOUND THEN
    IF v_repaired > v_since THEN
      RETURN false;
    END IF;
    UPDATE slices SET repaired_at = clock_timestamp() WHERE scan_id = p_scan AND number = p_number;
  ELSE
    -- Whoever holds the row may be frozen in the middle of its commit: only the next claimant, who needs
    -- the pointer, can end that.
    SELECT s.worker INTO v_worker FROM slices s
     WHERE s.scan_id = p_scan AND s.number = p_number AND s.epoch = p_epoch AND s.state = p_state;
    IF NOT FOUND OR EXISTS (
      SELECT 1 FROM scan_events e
       WHERE e.scan_id = p_scan AND e.at > v_since AND e.event = 'repaired' AND e.detail->>'what' = 'pointer'
         AND (e.detail->>'slice')::integer = p_number)
    THEN
      RETURN false;
    END IF;
  END IF;

  INSERT INTO scan_events (scan_id, event, actor, detail)
  VALUES (p_scan, 'repaired', p_actor, jsonb_build_object(
            'what', 'pointer', 'slice', p_number,
            'before', jsonb_build_object('pointer', 'nowhere', 'state', p_state, 'epoch', p_epoch, 'worker', v_worker),
            'after', jsonb_build_object('pointer', 'queued')));
  RETURN true;
END $$;

-- Mends one pending or running scan. Decided under the scan's row, which every commit updates last: a
-- commit is then either seen whole or not at all. Returns what was done:
--   slices_lost   the scan had no slice left, and has failed
--   open_slices   its count of open slices was wrong
--   finalise      nothing was open, and it has a `finalise` slice now; its pointer wants to be pushed
--   promotion     a ready slice for which there was room is queued; its pointer wants to be pushed
CREATE FUNCTION mend_scan(p_scan bigint, p_actor text)
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

  IF v_all = 0 THEN
    PERFORM note_repair(p_scan, p_actor, 'slices_lost', NULL,
                        jsonb_build_object('status', v_scan.status, 'open_slices', v_scan.open_slices, 'slices', 0),
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

CREATE FUNCTION note_repair(
  p_scan bigint, p_actor text, p_what text, p_slice integer, p_before jsonb, p_after jsonb
) RETURNS void LANGUAGE sql AS $$
  INSERT INTO scan_events (scan_id, event, actor, detail)
  VALUES (p_scan, 'repaired', p_actor,
          jsonb_build_object('what', p_what, 'slice', p_slice, 'before', p_before, 'after', p_after));
$$;

-- Drops the slices that an ended scan has left; returns how many. Whoever ended it may be at it too.
CREATE FUNCTION sweep_slices(p_scan bigint, p_actor text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  v_before bigint;
  v_after  bigint;
BEGIN
  SELECT count(*) INTO v_before FROM slices WHERE scan_id = p_scan;
  PERFORM drop_slices(p_scan);
  SELECT count(*) INTO v_after FROM slices WHERE scan_id = p_scan;
  IF v_after < v_before THEN
    PERFORM note_repair(p_scan, p_actor, 'slices_left', NULL, jsonb_build_object('slices', v_before),
                        jsonb_build_object('slices', v_after));
  END IF;
  RETURN v_before - v_after;
END $$;
