-- What people settle: removals that a scan holds are confirmed or discarded, and a scan is cancelled.
--
-- A confirmed scan runs again: it holds its library's place, and all that it has to do is a `finalise` slice, so
-- that it is claimed, fenced, taken over and repaired as any other. Its steps:
--
--   look again ── unstage_removals, as before the first verdict; the limits are not asked any more
--   verdict ───── decide_removals: `apply`
--   apply ─────── apply_removals, a batch at a time, until nothing is staged
--   end ───────── end_scan
--
-- What cannot be done is held again: a scan that has ended once does not fail any more.

ALTER TABLE scans DROP CONSTRAINT scans_removal_verdict_check;
ALTER TABLE scans ADD CONSTRAINT scans_removal_verdict_check
  -- 'confirm': what was held is to go, once it has been looked for again; 'discard': it was let go of.
  CHECK (removal_verdict IN ('apply', 'hold', 'confirm', 'discard'));

-- Confirms what a scan holds, which must be its library's last one. Outcomes, with the scan that each is about:
--   confirmed   this one, which runs again; the caller pushes the pointer of its slice 1, also where it runs already
--   active      the library's active scan; the refusal is recorded on it
--   newer       a newer scan, which has looked for itself
--   nothing     this one, which holds nothing
--   removing, unknown   no scan
--
-- Locks in the order library, slice, scan: admissions wait. What the scan's end has left of its slices goes first, and
-- with it whoever still commits one: the scan would go on under it. 40001 where the scan was cancelled meanwhile.
CREATE FUNCTION confirm_scan(p_scan bigint, p_actor text, p_through text)
RETURNS TABLE (outcome text, scan_id bigint) LANGUAGE plpgsql AS $$
DECLARE
  v_library libraries;
  v_scan    scans;
  v_other   bigint;
BEGIN
  SELECT l.* INTO v_library FROM libraries l JOIN scans s ON s.library_id = l.id WHERE s.id = p_scan
     FOR NO KEY UPDATE OF l;
  IF NOT FOUND THEN
    RETURN QUERY SELECT 'unknown', NULL::bigint;
    RETURN;
  ELSIF v_library.removing THEN
    RETURN QUERY SELECT 'removing', NULL::bigint;
    RETURN;
  END IF;
  DELETE FROM slices s USING scans sc
   WHERE s.scan_id = p_scan AND sc.id = p_scan AND sc.status NOT IN ('pending', 'running', 'paused');
  SELECT * INTO v_scan FROM scans s WHERE s.id = p_scan FOR UPDATE;
  IF v_scan.status = 'running' AND v_scan.removal_verdict = 'confirm' THEN
    RETURN QUERY SELECT 'confirmed', p_scan;
    RETURN;
  END IF;

  SELECT s.id INTO v_other FROM scans s WHERE s.library_id = v_library.id AND s.status IN ('pending', 'running', 'paused');
  IF FOUND THEN
    INSERT INTO scan_events (scan_id, event, actor, detail)
    VALUES (v_other, 'refused', p_actor, jsonb_build_object('through', p_through, 'confirm', p_scan));
    RETURN QUERY SELECT 'active', v_other;
    RETURN;
  END IF;
  SELECT max(s.id) INTO v_other FROM scans s WHERE s.library_id = v_library.id AND s.id > p_scan;
  IF v_other IS NOT NULL THEN
    RETURN QUERY SELECT 'newer', v_other;
    RETURN;
  ELSIF v_scan.removal_verdict IS DISTINCT FROM 'hold'
    OR NOT EXISTS (SELECT 1 FROM staged_removals r WHERE r.scan_id = p_scan) THEN
    RETURN QUERY SELECT 'nothing', p_scan;
    RETURN;
  END IF;

  IF EXISTS (SELECT 1 FROM slices s WHERE s.scan_id = p_scan) THEN
    RAISE EXCEPTION 'scan % was cancelled just now: confirm it again', p_scan USING ERRCODE = '40001';
  END IF;
  -- They are numbered from 1 anew, as mend_scan counts them.
  INSERT INTO slices (scan_id, number, kind, state) VALUES (p_scan, 1, 'finalise', 'queued');
  UPDATE scans
     SET status = 'running', completed_at = NULL, removal_verdict = 'confirm', open_slices = 1, next_slice = 2,
         message = NULL, queue = v_library.rules->>'queue'
   WHERE id = p_scan;
  INSERT INTO scan_events (scan_id, event, actor, detail)
  VALUES (p_scan, 'removals_confirmed', p_actor, jsonb_build_object('through', p_through, 'files', v_scan.removals_held));
  RETURN QUERY SELECT 'confirmed', p_scan;
END $$;

-- Lets go of what a scan holds: its rows stay live, and the library's next scan finds them missing again. The
-- staged rows are deleted after, by drop_staged. Outcomes: `discarded` (also where it was before), `active` (the scan
-- has not ended), `nothing` (it holds nothing, or a newer scan has looked for itself), `unknown`.
CREATE FUNCTION discard_scan(p_scan bigint, p_actor text, p_through text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  v_scan scans;
BEGIN
  SELECT * INTO v_scan FROM scans s WHERE s.id = p_scan FOR UPDATE;
  IF NOT FOUND THEN
    RETURN 'unknown';
  ELSIF v_scan.status IN ('pending', 'running', 'paused') THEN
    RETURN 'active';
  ELSIF EXISTS (SELECT 1 FROM scans n WHERE n.library_id = v_scan.library_id AND n.id > p_scan) THEN
    RETURN 'nothing';
  ELSIF v_scan.removal_verdict = 'discard' THEN
    RETURN 'discarded';
  ELSIF v_scan.removal_verdict IS DISTINCT FROM 'hold' THEN
    RETURN 'nothing';
  END IF;
  UPDATE scans
     SET removal_verdict = 'discard', removals_held = 0, message = format(
           'What this scan held is discarded: the next scan looks for it again (%s).', files_missing(v_scan.removals_held))
   WHERE id = p_scan;
  INSERT INTO scan_events (scan_id, event, actor, detail)
  VALUES (p_scan, 'removals_discarded', p_actor, jsonb_build_object('through', p_through, 'files', v_scan.removals_held));
  RETURN 'discarded';
END $$;

-- `1 missing file`, `1,234 missing files`.
CREATE FUNCTION files_missing(p_files bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT to_char(p_files, 'FM9,999,999,999,999,999,999') || CASE p_files WHEN 1 THEN ' missing file' ELSE ' missing files' END
$$;

-- What to do about what scan p_scan holds.
CREATE FUNCTION holding_advice(p_scan bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT format('`rollcall confirm %s` looks again and removes what is still missing, `rollcall discard %s` lets go of it '
                'until a scan finds it again; a new scan looks for itself.', p_scan, p_scan)
$$;

-- Cancels a library's active scan, under the lock of its row alone. What its slices have committed stays, nothing
-- that is missing is removed, and what is committed later rolls back (RC002). Its slices and what it has staged are
-- dropped after, by drop_slices. Outcomes, with the scan:
--   cancelled   it has ended
--   held        it was about to remove what had been confirmed, and holds it again
--   ending      it is past its verdict, and ends by itself
--   idle        no scan is active (no scan)
CREATE FUNCTION cancel_scan(p_library bigint, p_actor text, p_through text)
RETURNS TABLE (outcome text, scan_id bigint) LANGUAGE plpgsql AS $$
DECLARE
  v_scan scans;
BEGIN
  SELECT * INTO v_scan FROM scans s WHERE s.library_id = p_library AND s.status IN ('pending', 'running', 'paused') FOR UPDATE;
  IF NOT FOUND THEN
    RETURN QUERY SELECT 'idle', NULL::bigint;
  ELSIF v_scan.removal_verdict IS NULL THEN
    UPDATE scans SET status = 'cancelled', completed_at = clock_timestamp(), open_slices = 0 WHERE id = v_scan.id;
    PERFORM note_errors(v_scan.id);
    INSERT INTO scan_events (scan_id, event, actor, detail)
    VALUES (v_scan.id, 'cancelled', p_actor, jsonb_build_object('through', p_through));
    RETURN QUERY SELECT 'cancelled', v_scan.id;
  ELSIF v_scan.removal_verdict = 'confirm' THEN
    PERFORM hold_removals(v_scan.id, v_scan.removals_held, format(
      '%s: their removal was confirmed, and that was taken back. %s', files_missing(v_scan.removals_held),
      holding_advice(v_scan.id)));
    UPDATE scans SET status = 'partial', completed_at = clock_timestamp(), open_slices = 0 WHERE id = v_scan.id;
    INSERT INTO scan_events (scan_id, event, actor, detail)
    VALUES (v_scan.id, 'removals_held', p_actor,
            jsonb_build_object('through', p_through, 'files', v_scan.removals_held, 'error', 'cancelled'));
    RETURN QUERY SELECT 'held', v_scan.id;
  ELSE
    RETURN QUERY SELECT 'ending', v_scan.id;
  END IF;
END $$;

-- Takes off the list what the second look has found, or could not tell of. Nothing once it is decided. Safe
-- to repeat. The signatures of the directories concerned are NULL since the staging, and stay so.
CREATE OR REPLACE FUNCTION unstage_removals(
  p_scan bigint, p_number integer, p_epoch integer, p_claim uuid, p_directories bigint[], p_files bigint[]
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM fence_finalise(p_scan, p_number, p_epoch, p_claim);
  DELETE FROM staged_removals
   WHERE scan_id = p_scan AND (kind = 'd' AND row_id = ANY (p_directories) OR kind = 'f' AND row_id = ANY (p_files))
     AND EXISTS (SELECT 1 FROM scans
                  WHERE id = p_scan AND status IN ('running', 'paused')
                    AND coalesce(removal_verdict, 'confirm') = 'confirm');
END $$;

-- Sets the verdict, once: `hold` where more missing files would go than `removal_limit` and more than
-- `removal_limit_percent` percent of what the library had before this scan, without what was excluded; `apply`
-- otherwise, and always where somebody has confirmed it. Returns it, also when it was set before. p_files is how
-- many would go, as the caller has counted: if it is not fenced now, it has had the library to itself meanwhile.
-- What is excluded has gone before.
CREATE OR REPLACE FUNCTION decide_removals(p_scan bigint, p_number integer, p_epoch integer, p_claim uuid, p_files bigint)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  c_grouped CONSTANT text := 'FM9,999,999,999,999,999,999';
  v_slice   slices := fence_finalise(p_scan, p_number, p_epoch, p_claim);
  v_scan    scans;
  v_library bigint;
  v_limit   bigint;
  v_percent bigint;
  v_sure    boolean;
  v_held    boolean;
BEGIN
  SELECT * INTO v_scan FROM scans WHERE id = p_scan AND status IN ('running', 'paused') FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'scan % has ended', p_scan USING ERRCODE = 'RC002';
  ELSIF v_scan.removal_verdict <> 'confirm' THEN
    RETURN v_scan.removal_verdict;
  ELSIF EXISTS (SELECT 1 FROM staged_removals WHERE scan_id = p_scan AND excluded) THEN
    RAISE EXCEPTION 'scan % cannot decide: what it has staged as excluded has not gone', p_scan;
  END IF;

  v_library := v_scan.files_seen - v_scan.files_added + p_files;
  v_limit := coalesce((v_scan.rules->>'removal_limit')::bigint, 1000);
  v_percent := coalesce((v_scan.rules->>'removal_limit_percent')::bigint, 50);
  v_sure := v_scan.removal_verdict IS NOT NULL;
  v_held := NOT v_sure AND p_files > v_limit AND p_files * 100 > v_percent * v_library;
  IF v_held THEN
    PERFORM hold_removals(p_scan, p_files, format(
      '%s of %s files are missing, which is more than this library''s removal limits (%s files and %s %%) let go: '
      'none of them was removed. If they should be there, see to the tree (is everything mounted?) and scan again. '
      'If they are gone for good: %s',
      to_char(p_files, c_grouped), to_char(v_library, c_grouped), to_char(v_limit, c_grouped), v_percent,
      holding_advice(p_scan)));
  ELSE
    UPDATE scans SET removal_verdict = 'apply', removals_held = 0 WHERE id = p_scan;
  END IF;
  INSERT INTO scan_events (scan_id, event, actor, detail)
  VALUES (p_scan, CASE WHEN v_held THEN 'removals_held' ELSE 'removals_applied' END, v_slice.worker,
          jsonb_build_object('files', p_files, 'excluded', v_scan.files_removed, 'library_files', v_library,
                             'removal_limit', v_limit, 'removal_limit_percent', v_percent, 'confirmed', v_sure));
  RETURN CASE WHEN v_held THEN 'hold' ELSE 'apply' END;
END $$;

-- Ends a scan past its verdict whose `finalise` slice cannot go on: what has not been removed is held. Returns the end
-- state. RC001 as above. Of what was confirmed and not decided again removals_held counts what it did, although some
-- of it may have been found since.
CREATE FUNCTION hold_rest(p_scan bigint, p_number integer, p_epoch integer, p_claim uuid, p_error text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  v_slice slices := fence_finalise(p_scan, p_number, p_epoch, p_claim);
  v_scan  scans;
  v_files bigint;
BEGIN
  SELECT * INTO v_scan FROM scans WHERE id = p_scan FOR UPDATE;
  IF v_scan.removal_verdict <> 'hold' AND NOT EXISTS (SELECT 1 FROM staged_removals WHERE scan_id = p_scan) THEN
    UPDATE scans SET removal_verdict = 'apply', removals_held = 0 WHERE id = p_scan;
  ELSIF v_scan.removal_verdict <> 'hold' THEN
    v_files := v_scan.removals_held;
    IF v_scan.removal_verdict = 'apply' THEN
      -- Of what the verdict was about, what has not been removed since: `excluded` is what went before it.
      SELECT (e.detail->>'files')::bigint - (v_scan.files_removed - coalesce((e.detail->>'excluded')::bigint, 0)) INTO v_files
        FROM scan_events e WHERE e.scan_id = p_scan AND e.event = 'removals_applied' ORDER BY e.id DESC LIMIT 1;
    END IF;
    PERFORM hold_removals(p_scan, v_files, format(
      '%s could not be removed from the catalogue: %s. %s', files_missing(v_files), p_error,
      holding_advice(p_scan)));
    INSERT INTO scan_events (scan_id, event, actor, detail)
    VALUES (p_scan, 'removals_held', v_slice.worker, jsonb_build_object('files', v_files, 'error', p_error));
  END IF;
  RETURN end_scan(p_scan, p_number, p_epoch, p_claim, v_slice.worker);
END $$;

-- Ends a scan whose `finalise` slice has used its attempts up: before the verdict it fails, and removes
-- nothing that is missing; after it the rest is held, and it ends `partial`. Returns the end state. RC001 as
-- above.
CREATE OR REPLACE FUNCTION give_up_finalise(p_scan bigint, p_number integer, p_epoch integer, p_claim uuid) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  v_slice slices := fence_finalise(p_scan, p_number, p_epoch, p_claim);
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
  RETURN hold_rest(p_scan, p_number, p_epoch, p_claim, v_error);
END $$;

-- Records that a host cannot work on the root. The slice goes back to the queue for the other hosts; when
-- all hosts that serve it (p_hosts) have refused, the scan ends: it fails with the message or, past its verdict,
-- holds the rest of its removals. Returns as slice_failed does.
CREATE OR REPLACE FUNCTION slice_refused(
  p_scan bigint, p_number integer, p_epoch integer, p_claim uuid, p_host text, p_hosts text[], p_message text
) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  v_slice slices;
BEGIN
  UPDATE slices s
     SET refused_hosts = ARRAY(SELECT DISTINCT h FROM unnest(s.refused_hosts || p_host) h ORDER BY h)
   WHERE s.scan_id = p_scan AND s.number = p_number AND s.epoch = p_epoch AND s.claim = p_claim AND s.state = 'running'
  RETURNING s.* INTO v_slice;
  IF NOT FOUND THEN
    RETURN 'fenced';
  END IF;
  IF p_hosts <@ v_slice.refused_hosts
    AND EXISTS (SELECT 1 FROM scans WHERE id = p_scan AND status IN ('running', 'paused') AND removal_verdict IS NOT NULL) THEN
    PERFORM hold_rest(p_scan, p_number, p_epoch, p_claim, p_message);
    RETURN 'failed';
  END IF;
  PERFORM release_slice(p_scan, p_number, p_epoch, p_claim);
  IF NOT (p_hosts <@ v_slice.refused_hosts) THEN
    RETURN 'requeued';
  END IF;
  PERFORM fail_scan(p_scan, v_slice.worker, p_message);
  RETURN 'failed';
END $$;
