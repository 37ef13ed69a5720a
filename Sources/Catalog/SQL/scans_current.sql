-- Of every library the active scan or, where it has none, the last one.
SELECT r.* FROM libraries l
 CROSS JOIN LATERAL (SELECT s.id FROM scans s WHERE s.library_id = l.id ORDER BY s.id DESC LIMIT 1) last
  JOIN scan_records r ON r.id = last.id
 ORDER BY r.id DESC
