-- Up to which directory the `finalise` slice $2 of scan $1 has compared stamps; no row where it is not to: past the
-- verdict, after three times, and where the walk, or what was listed again, has changed nothing. And when the scan began,
-- before it has listed anything again.
SELECT coalesce(s.stamped_to, 0), CASE WHEN sc.rewalks = 0 THEN (extract(epoch FROM sc.started_at) * 1000000000)::bigint END
  FROM scans sc JOIN slices s ON s.scan_id = sc.id AND s.number = $2
 WHERE sc.id = $1 AND sc.removal_verdict IS NULL AND sc.rewalks < 3 AND sc.has_changes
