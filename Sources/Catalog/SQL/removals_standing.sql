-- What a scan's `finalise` slice has before it: the verdict, and whether anything is staged.
SELECT sc.removal_verdict, EXISTS (SELECT 1 FROM staged_removals s WHERE s.scan_id = sc.id) FROM scans sc WHERE sc.id = $1
