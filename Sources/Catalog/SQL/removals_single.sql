-- Of the next $4 files that scan $1 has staged in library $2, after the row $3: the last row's id (NULL: there are no
-- more), and how many are live and do not lie below a directory that is staged too.
WITH RECURSIVE page AS MATERIALIZED (
  SELECT s.row_id, s.directory_id, s.name FROM staged_removals s
   WHERE s.scan_id = $1 AND s.kind = 'f' AND s.row_id > $3 ORDER BY s.row_id LIMIT $4
), chain AS (
  SELECT DISTINCT p.directory_id AS start, p.directory_id AS id FROM page p
   UNION
  SELECT c.start, d.parent_id FROM chain c CROSS JOIN LATERAL (
    SELECT u.parent_id FROM directories u WHERE u.library_id = $2 AND u.id = c.id AND u.removed_at IS NULL OFFSET 0) d
   WHERE d.parent_id IS NOT NULL
), covered AS (
  SELECT DISTINCT c.start FROM chain c CROSS JOIN LATERAL (
    SELECT s.directory_id, s.name FROM staged_removals s WHERE s.scan_id = $1 AND s.kind = 'd' AND s.row_id = c.id OFFSET 0) s
   CROSS JOIN LATERAL (
    SELECT 1 FROM directories u
     WHERE u.library_id = $2 AND u.id = c.id AND u.parent_id IS NOT DISTINCT FROM s.directory_id AND u.name = s.name AND u.removed_at IS NULL OFFSET 0) d
)
SELECT (SELECT max(row_id) FROM page), count(*) FROM page p CROSS JOIN LATERAL (
    SELECT 1 FROM files u
     WHERE u.library_id = $2 AND u.directory_id = p.directory_id AND u.name = p.name AND u.id = p.row_id AND u.removed_at IS NULL
    OFFSET 0) f
 WHERE NOT EXISTS (SELECT 1 FROM covered c WHERE c.start = p.directory_id)
