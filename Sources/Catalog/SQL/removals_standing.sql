-- What a scan's `finalise` slice has before it: the verdict, whether anything is staged, and whether anything is
-- staged as excluded.
SELECT sc.removal_verdict, EXISTS (SELECT 1 FROM staged_removals s WHERE s.scan_id = sc.id),
       EXISTS (SELECT 1 FROM staged_removals s WHERE s.scan_id = sc.id AND s.kind = 'f' AND s.excluded)
       OR EXISTS (SELECT 1 FROM staged_removals s WHERE s.scan_id = sc.id AND s.kind = 'd' AND s.excluded)
  FROM scans sc WHERE sc.id = $1
