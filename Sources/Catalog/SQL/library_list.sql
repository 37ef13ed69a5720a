SELECT l.id, l.name, l.root_path, l.rules, l.removing, s.id, s.status, s.requested_at, s.files_seen, s.bytes_seen::text
  FROM libraries l
  LEFT JOIN LATERAL (SELECT * FROM scans WHERE library_id = l.id ORDER BY id DESC LIMIT 1) s ON true
 WHERE ($1::text IS NULL OR l.name = $1) AND ($2::text IS NULL OR l.root_path = $2)
 ORDER BY l.id DESC
