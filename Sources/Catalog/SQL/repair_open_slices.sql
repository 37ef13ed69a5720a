-- The slices whose pointer must be somewhere, in the order of their key, after $1/$2; at most $3.
SELECT s.scan_id, s.number, sc.queue, s.state, s.epoch
  FROM slices s JOIN scans sc ON sc.id = s.scan_id
 WHERE (s.scan_id, s.number) > ($1, $2) AND s.state IN ('queued', 'running') AND sc.status IN ('pending', 'running')
 ORDER BY s.scan_id, s.number LIMIT $3
