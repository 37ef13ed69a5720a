-- Admission: the one door through which a scan comes to be, whoever asks and through what.

-- Admits a scan of the library of that name or, without a name, of that root.
--
-- Outcomes, with the scan that each is about:
--   admitted            a new scan with its first slice, `queued`; the caller pushes that slice's pointer
--   existing            the scan that this request id made before
--   refused             the library's active scan; the refusal is recorded on it
--   catalogued          no scan: the library has been walked, and this release cannot rescan
--   removing, unknown   no scan
CREATE FUNCTION admit_scan(
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

    -- The first slice to commit fills in the root's row.
    PERFORM 1 FROM directories d
      WHERE d.library_id = v_library.id AND d.id = v_library.root_directory AND d.first_scan IS NOT NULL;
    IF FOUND THEN
      RETURN QUERY SELECT 'catalogued', NULL::bigint;
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
      RETURN QUERY SELECT 'admitted', v_scan;
      RETURN;
    END IF;
    -- Another admission was faster, by the same request id or of the same library: look again.
  END LOOP;
END $$;
