-- The libraries whose scans run on one of the queues $1, the oldest first.
SELECT l.id, l.name, l.root_path, l.rules->>'queue'
  FROM libraries l
 WHERE l.rules->>'queue' = ANY ($1::text[]) AND NOT l.removing
 ORDER BY l.id
