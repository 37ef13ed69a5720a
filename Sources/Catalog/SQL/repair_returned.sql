-- Records entries that were returned to their queue, on the scans that are still active.
INSERT INTO scan_events (scan_id, event, actor, detail)
SELECT sc.id, 'returned', $1,
       jsonb_build_object('slice', r.number, 'worker', r.worker, 'slot', r.slot, 'reason', r.reason)
  FROM unnest($2::bigint[], $3::integer[], $4::text[], $5::integer[], $6::text[])
         AS r (scan, number, worker, slot, reason)
  JOIN scans sc ON sc.id = r.scan AND sc.status IN ('pending', 'running', 'paused')
