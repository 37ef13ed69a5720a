-- What a scan makes sure of before it reads anything (R29): that there is room in the database, and what was found
-- besides. Releases that know nothing of it do without.

-- Proves that the database takes p_bytes more, rounded to whole pages: writes them into a temporary table beside the
-- catalogue, and takes all of it back. Another end is an error of the server's own, such as 53100 on a full disk. False
-- where the caller may make no temporary table.
CREATE FUNCTION prove_room(p_bytes bigint) RETURNS boolean LANGUAGE plpgsql
-- Where the catalogue lies, and not where this server has its temporary files.
SET temp_tablespaces = ''
AS $$
BEGIN
  -- A row fills a page: the type is one that is neither compressed nor kept elsewhere, and so wants no TOAST table,
  -- which would cost more than the rows do.
  CREATE TEMPORARY TABLE rollcall_room ON COMMIT DROP AS
  SELECT repeat('0 ', 2000)::oidvector AS filler FROM generate_series(1, p_bytes / 8192);
  RAISE EXCEPTION 'there is room' USING ERRCODE = 'RC003';
EXCEPTION
  WHEN SQLSTATE 'RC003' THEN
    RETURN true;
  WHEN insufficient_privilege THEN
    RETURN false;
END $$;

-- Records what a scan that goes on was warned of at its start, once; nothing where the claim is not the slice's any
-- more.
CREATE FUNCTION note_preflight(p_scan bigint, p_number integer, p_epoch integer, p_claim uuid, p_findings jsonb)
RETURNS void LANGUAGE sql AS $$
  INSERT INTO scan_events (scan_id, event, actor, detail)
  SELECT p_scan, 'preflight', s.worker, p_findings
    FROM slices s
   WHERE s.scan_id = p_scan AND s.number = p_number AND s.epoch = p_epoch AND s.claim = p_claim AND s.state = 'running'
     AND NOT EXISTS (SELECT 1 FROM scan_events e WHERE e.scan_id = p_scan AND e.event = 'preflight')
$$;

-- Ends a scan that must not begin: `failed`, with what to do. Returns as slice_failed does.
CREATE FUNCTION reject_scan(
  p_scan bigint, p_number integer, p_epoch integer, p_claim uuid, p_message text, p_findings jsonb
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
  INSERT INTO scan_events (scan_id, event, actor, detail) VALUES (p_scan, 'preflight', v_slice.worker, p_findings);
  PERFORM fail_scan(p_scan, v_slice.worker, p_message);
  RETURN 'failed';
END $$;
