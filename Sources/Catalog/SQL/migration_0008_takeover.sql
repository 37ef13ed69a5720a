-- A slice whose worker died or froze is taken over; what fails again and again is counted, then walked
-- carefully: alone, one directory a commit, so that the first directory of its frontier is the one at
-- which it failed.

-- Why the slice was last given up; NULL since its last commit.
ALTER TABLE slices ADD COLUMN last_failure text;

-- Ends the backend of a slice's former holder where it still works under that claim, and waits until it
-- has ended: a client that is frozen inside a transaction holds its locks against every timeout. Whether
-- one was ended. Where it cannot be, a warning says so; its commit is fenced all the same, and whoever
-- meets its locks waits for no longer than its lock_timeout.
CREATE FUNCTION terminate_predecessor(p_pid integer, p_start timestamptz, p_claim uuid) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
  -- A user without the right to see other users' sessions sees no start; the claim in the name suffices.
  IF p_pid IS NULL OR p_pid = pg_backend_pid() OR NOT EXISTS (
    SELECT 1 FROM pg_stat_get_activity(p_pid) a
     WHERE coalesce(a.backend_start = p_start, true) AND a.application_name LIKE 'rollcall ' || p_claim || '%')
  THEN
    RETURN false;
  END IF;
  RETURN pg_terminate_backend(p_pid, 5000);
EXCEPTION WHEN insufficient_privilege THEN
  RAISE WARNING 'cannot terminate backend % of a former claim: %; let all workers log in as one role', p_pid, SQLERRM;
  RETURN false;
END $$;

-- Claims a slice for the caller's backend, from exactly the epoch that the caller has read. Returns no
-- row where the slice moved on meanwhile or the scan is not to be worked on. The session's
-- application_name carries the claim from then on.
--
-- p_holder_died: whoever holds the running slice gives no sign of life. Such a takeover counts an attempt,
-- no other claim does.
DROP FUNCTION claim_slice;
CREATE FUNCTION claim_slice(
  p_scan bigint, p_number integer, p_epoch integer, p_claim uuid, p_worker text, p_host text, p_holder_died boolean
) RETURNS TABLE (
  kind text, attempts integer, epoch integer, library_id bigint, library text, root_path text, queue text,
  rules jsonb, mode text, entries_seen bigint, rules_version integer, last_failure text
) LANGUAGE plpgsql AS $$
DECLARE
  c_slot       CONSTANT text := '/[^/]*$';  -- the part of <worker>/<slot> that is not the incarnation
  v_former     slices;
  v_slice      slices;
  v_terminated boolean := false;
  v_runs_again boolean;
  v_taken_over boolean;
  v_died       boolean;
BEGIN
  SELECT * INTO v_former FROM slices s
   WHERE s.scan_id = p_scan AND s.number = p_number AND s.epoch = p_epoch AND s.state = 'running' AND s.claim <> p_claim;
  IF FOUND THEN
    v_terminated := terminate_predecessor(v_former.backend_pid, v_former.backend_start, v_former.claim);
  END IF;

  SELECT * INTO v_former FROM slices s
   WHERE s.scan_id = p_scan AND s.number = p_number AND s.epoch = p_epoch AND s.state IN ('ready', 'queued', 'running')
     AND EXISTS (SELECT 1 FROM scans sc WHERE sc.id = p_scan AND sc.status IN ('pending', 'running'))
     FOR UPDATE OF s;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  v_runs_again := v_former.state = 'running' AND v_former.claim <> p_claim;
  v_taken_over := v_runs_again AND regexp_replace(v_former.worker, c_slot, '') <> regexp_replace(p_worker, c_slot, '');
  v_died := v_taken_over AND p_holder_died;

  UPDATE slices s
     SET state = 'running', epoch = s.epoch + 1, claim = p_claim, worker = p_worker, host = p_host, claimed_at = now(),
         backend_pid = pg_backend_pid(),
         backend_start = (SELECT a.backend_start FROM pg_stat_get_activity(pg_backend_pid()) a),
         attempts = s.attempts + v_died::integer,
         last_failure = CASE WHEN v_died THEN format('worker %s died', v_former.worker) ELSE s.last_failure END
   WHERE s.scan_id = p_scan AND s.number = p_number
  RETURNING s.* INTO v_slice;
  -- The claim first: the name is cut at 63 bytes.
  PERFORM set_config('application_name', format('rollcall %s %s', p_claim, p_worker), false);

  UPDATE scans SET status = 'running', started_at = clock_timestamp() WHERE id = p_scan AND status = 'pending';
  IF FOUND THEN
    INSERT INTO scan_events (scan_id, event, actor) VALUES (p_scan, 'started', p_worker);
  END IF;
  IF v_runs_again THEN
    UPDATE scans SET slices_redone = slices_redone + 1 WHERE id = p_scan;
  END IF;
  IF v_taken_over THEN
    INSERT INTO scan_events (scan_id, event, actor, detail)
    VALUES (p_scan, 'slice_taken_over', p_worker,
            jsonb_build_object('slice', p_number, 'from', v_former.worker, 'attempt', v_slice.attempts,
                               'dead', v_died, 'terminated', v_terminated));
  END IF;

  RETURN QUERY
  SELECT v_slice.kind, v_slice.attempts, v_slice.epoch, sc.library_id, l.name, sc.root_path, sc.queue,
         sc.rules, sc.mode, sc.files_seen + sc.directories_seen, sc.rules_version, v_slice.last_failure
    FROM scans sc JOIN libraries l ON l.id = sc.library_id WHERE sc.id = p_scan;
END $$;

-- Turns a running slice into a done one; RC001 unless it is the caller's. What its checkpoints have
-- committed is counted already.
CREATE OR REPLACE FUNCTION fence_slice(
  p_scan bigint, p_number integer, p_epoch integer, p_claim uuid, p_entries bigint
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  UPDATE slices SET state = 'done', entries = entries + p_entries
   WHERE scan_id = p_scan AND number = p_number AND epoch = p_epoch AND claim = p_claim AND state = 'running';
  IF NOT FOUND THEN
    RAISE EXCEPTION 'slice %/% is no longer running under claim % of epoch %', p_scan, p_number, p_claim, p_epoch
      USING ERRCODE = 'RC001';
  END IF;
END $$;

-- Fences a commit after which the slice goes on under the same claim, with p_frontier left, which is not
-- empty; RC001 unless it is the caller's. The failures before it do not count any more, but for one: the
-- slice stays one that is walked carefully.
CREATE FUNCTION checkpoint_slice(
  p_scan bigint, p_number integer, p_epoch integer, p_claim uuid, p_entries bigint, p_frontier bigint[]
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  UPDATE slices SET frontier = p_frontier, entries = entries + p_entries, attempts = 1, last_failure = NULL
   WHERE scan_id = p_scan AND number = p_number AND epoch = p_epoch AND claim = p_claim AND state = 'running';
  IF NOT FOUND THEN
    RAISE EXCEPTION 'slice %/% is no longer running under claim % of epoch %', p_scan, p_number, p_claim, p_epoch
      USING ERRCODE = 'RC001';
  END IF;
END $$;

-- Records that a slice failed by itself. It goes back to the queue; where its attempts have reached
-- p_max_attempts the scan ends: it fails with the message or, after its `finalise` slice's verdict, ends
-- with the rest of its removals held. Returns `requeued`, `failed` (the scan has ended) or, for whoever is
-- superseded, `fenced`.
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
  UPDATE slices SET attempts = attempts + 1, last_failure = p_message WHERE scan_id = p_scan AND number = p_number;
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
    UPDATE scans SET slices_redone = slices_redone + 1 WHERE id = p_scan AND status IN ('running', 'paused');
    RETURN 'requeued';
  END IF;
  PERFORM fail_scan(p_scan, v_slice.worker, p_message);
  RETURN 'failed';
END $$;
