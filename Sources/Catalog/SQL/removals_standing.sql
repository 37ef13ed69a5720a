-- What the `finalise` slice $2 of scan $1 has before it: the verdict, whether anything is staged, whether anything
-- is staged as excluded, how far its second look has come, and whether other files were found under known names and
-- may have moved there. A look that nobody has gone on with for a while begins anew: what was gone then may be back.
SELECT sc.removal_verdict,
       EXISTS (SELECT 1 FROM staged_removals r WHERE r.scan_id = sc.id) OR EXISTS (SELECT 1 FROM staged_moves m WHERE m.scan_id = sc.id),
       EXISTS (SELECT 1 FROM staged_removals r WHERE r.scan_id = sc.id AND r.kind = 'f' AND r.excluded)
       OR EXISTS (SELECT 1 FROM staged_removals r WHERE r.scan_id = sc.id AND r.kind = 'd' AND r.excluded),
       s.looked_kind = 'd', s.looked_row,
       sc.removal_verdict IS NULL AND coalesce((
         SELECT l.scan_id FROM lost_identities l WHERE l.library_id = sc.library_id ORDER BY l.scan_id DESC LIMIT 1
       ) > (SELECT scan_ended_before($1)), false)
  FROM scans sc
  LEFT JOIN slices s ON s.scan_id = sc.id AND s.number = $2 AND s.looked_at > now() - interval '10 minutes'
 WHERE sc.id = $1
