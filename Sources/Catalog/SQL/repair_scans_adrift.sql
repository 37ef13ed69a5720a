-- Scans whose slices want a look of mend_scan, in order, after $1; at most $2.
SELECT sc.id
  FROM scans sc
 CROSS JOIN LATERAL (
   SELECT count(*) AS open, count(*) FILTER (WHERE s.state <> 'ready') AS busy
     FROM slices s WHERE s.scan_id = sc.id AND s.state <> 'done') o
 WHERE sc.status IN ('pending', 'running') AND sc.id > $1
   AND (o.open <> sc.open_slices OR o.open = 0 OR o.open > o.busy AND o.busy < sc.max_parallel)
 ORDER BY sc.id LIMIT $2
