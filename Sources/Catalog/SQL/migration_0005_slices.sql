-- A slice's life: claim, commit, hand back, fail, refuse. Locks are always taken in the order
-- slice, catalogue rows, scan.
--
-- Errors of our own, all of which roll the caller's transaction back:
--   RC001  the slice is not `running` under this epoch and claim: whoever calls is superseded
--   RC002  the scan is not `running` or `paused` any more

-- Claims a slice for the caller's backend, from exactly the epoch that the caller has read. Returns no
-- row where the slice moved on meanwhile or the scan is not to be worked on.
CREATE FUNCTION claim_slice(
  p_scan bigint, p_number integer, p_epoch integer, p_claim uuid, p_worker text, p_host text
) RETURNS TABLE (
  kind text, attempts integer, epoch integer, library_id bigint, library text, root_path text, queue text,
  rules jsonb, mode text, entries_seen bigint
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
         sc.rules, sc.mode, sc.files_seen + sc.directories_seen
    FROM scans sc JOIN libraries l ON l.id = sc.library_id WHERE sc.id = p_scan;
END $$;

-- Turns a running slice into a done one; RC001 unless it is the caller's.
CREATE FUNCTION fence_slice(p_scan bigint, p_number integer, p_epoch integer, p_claim uuid, p_entries bigint)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  UPDATE slices SET state = 'done', entries = p_entries
   WHERE scan_id = p_scan AND number = p_number AND epoch = p_epoch AND claim = p_claim AND state = 'running';
  IF NOT FOUND THEN
    RAISE EXCEPTION 'slice %/% is no longer running under claim % of epoch %', p_scan, p_number, p_claim, p_epoch
      USING ERRCODE = 'RC001';
  END IF;
END $$;

-- Queues as many ready slices, the newest first (which keeps the frontier small), as the scan's
-- max_parallel leaves room for. The caller holds the scan's row, so that two of them cannot both fill
-- the same room. p_by is the slice whose commit it is.
CREATE FUNCTION promote_slices(p_scan bigint, p_by integer DEFAULT NULL) RETURNS SETOF integer LANGUAGE sql AS $$
  UPDATE slices SET state = 'queued', queued_by = p_by
   WHERE (scan_id, number) IN (
     SELECT r.scan_id, r.number FROM slices r
      WHERE r.scan_id = p_scan AND r.state = 'ready'
      ORDER BY r.number DESC
      LIMIT (SELECT greatest(sc.max_parallel - count(a.number), 0)
               FROM scans sc LEFT JOIN slices a ON a.scan_id = sc.id AND a.state IN ('queued', 'running')
              WHERE sc.id = p_scan GROUP BY sc.max_parallel)
        FOR UPDATE SKIP LOCKED)
  RETURNING number;
$$;

-- The last part of a slice's commit, after fence_slice and the catalogue's rows: adds the counters to
-- the scan, cuts the rest of the frontier into new slices (as many as the scan's max_parallel has room
-- for, at least one, none of more than 4,096 directories), adds the `finalise` slice where nothing is
-- open any more, and returns the numbers of the slices that are now queued and want a pointer. RC002
-- where the scan has ended.
CREATE FUNCTION settle_slice(
  p_scan bigint, p_number integer, p_frontier bigint[], p_directories bigint, p_files bigint, p_bytes bigint,
  p_errors bigint
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
         files_added = files_added + p_files, bytes_seen = bytes_seen + p_bytes, errors_count = errors_count + p_errors
   WHERE id = p_scan AND status IN ('running', 'paused')
  RETURNING open_slices - 1, next_slice, greatest(max_parallel - (open_slices - 1), 1) INTO v_open, v_first, v_room;
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

-- Gives a running slice back to the queue; it costs no attempt. False where it is no longer the caller's.
CREATE FUNCTION release_slice(p_scan bigint, p_number integer, p_epoch integer, p_claim uuid) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
  UPDATE slices SET state = 'queued', claim = NULL, worker = NULL, host = NULL, backend_pid = NULL, backend_start = NULL
   WHERE scan_id = p_scan AND number = p_number AND epoch = p_epoch AND claim = p_claim AND state = 'running';
  RETURN FOUND;
END $$;

-- Ends a scan as failed; its slices are dropped after, by drop_slices. False where it has ended before.
CREATE FUNCTION fail_scan(p_scan bigint, p_actor text, p_message text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  UPDATE scans SET status = 'failed', completed_at = clock_timestamp(), error_message = p_message, open_slices = 0
   WHERE id = p_scan AND status IN ('pending', 'running', 'paused');
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  INSERT INTO scan_events (scan_id, event, actor, detail)
  VALUES (p_scan, 'failed', p_actor, jsonb_build_object('error', p_message));
  RETURN true;
END $$;

-- Drops the slices of an ended scan. Rows that a late commit still holds are passed over: it waits for
-- the scan's row, rolls back, and calls this again.
CREATE FUNCTION drop_slices(p_scan bigint) RETURNS void LANGUAGE sql AS $$
  DELETE FROM slices WHERE (scan_id, number) IN (
    SELECT s.scan_id, s.number FROM slices s JOIN scans sc ON sc.id = s.scan_id
     WHERE s.scan_id = p_scan AND sc.status IN ('completed', 'partial', 'failed', 'cancelled')
       FOR UPDATE OF s SKIP LOCKED);
$$;

-- Records that a slice failed by itself. It goes back to the queue until its attempts are used up; then
-- the scan fails with the message. Returns `requeued`, `failed` or, for whoever is superseded, `fenced`.
CREATE FUNCTION slice_failed(
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
  PERFORM release_slice(p_scan, p_number, p_epoch, p_claim);
  UPDATE slices SET attempts = attempts + 1 WHERE scan_id = p_scan AND number = p_number;
  INSERT INTO scan_events (scan_id, event, actor, detail)
  VALUES (p_scan, 'slice_failed', v_slice.worker,
          jsonb_build_object('slice', p_number, 'attempt', v_slice.attempts + 1, 'error', p_message));
  IF v_slice.attempts + 1 < p_max_attempts THEN
    RETURN 'requeued';
  END IF;
  PERFORM fail_scan(p_scan, v_slice.worker, p_message);
  RETURN 'failed';
END $$;

-- Records that a host cannot open the root. The slice goes back to the queue for the other hosts; when
-- all hosts that serve it (p_hosts) have refused, the scan fails. Returns as slice_failed does.
CREATE FUNCTION slice_refused(
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
  PERFORM release_slice(p_scan, p_number, p_epoch, p_claim);
  IF NOT (p_hosts <@ v_slice.refused_hosts) THEN
    RETURN 'requeued';
  END IF;
  PERFORM fail_scan(p_scan, v_slice.worker, p_message);
  RETURN 'failed';
END $$;

-- Ends a scan: the commit of its `finalise` slice. Returns the end state. RC001, RC002 as above.
CREATE FUNCTION end_scan(p_scan bigint, p_number integer, p_epoch integer, p_claim uuid, p_worker text)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  v_status text;
BEGIN
  PERFORM fence_slice(p_scan, p_number, p_epoch, p_claim, 0);
  INSERT INTO scan_shares (scan_id, worker, slices, entries)
  SELECT s.scan_id, s.worker, count(*), sum(s.entries) FROM slices s
   WHERE s.scan_id = p_scan AND s.kind = 'walk' AND s.state = 'done' GROUP BY s.scan_id, s.worker;
  UPDATE scans
     SET status = CASE WHEN errors_count = 0 THEN 'completed' ELSE 'partial' END,
         completed_at = clock_timestamp(), open_slices = 0
   WHERE id = p_scan AND status IN ('running', 'paused')
  RETURNING status INTO v_status;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'scan % has ended', p_scan USING ERRCODE = 'RC002';
  END IF;
  DELETE FROM slices WHERE scan_id = p_scan;
  INSERT INTO scan_events (scan_id, event, actor) VALUES (p_scan, v_status, p_worker);
  RETURN v_status;
END $$;
