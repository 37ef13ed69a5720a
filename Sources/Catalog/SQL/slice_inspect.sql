-- No row for an unknown scan; NULLs for a slice that its ended scan has dropped.
SELECT sc.status, sc.queue, s.state, s.epoch, s.attempts, s.worker
  FROM scans sc LEFT JOIN slices s ON s.scan_id = sc.id AND s.number = $2
 WHERE sc.id = $1
