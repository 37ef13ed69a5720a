-- At most $3 live directories below the directories $2 of library $1, the nearest first. A lookup each.
WITH RECURSIVE below AS (
  SELECT d.id FROM unnest($2::bigint[]) AS p(id) CROSS JOIN LATERAL (
    SELECT u.id FROM directories u WHERE u.library_id = $1 AND u.parent_id = p.id AND u.removed_at IS NULL OFFSET 0) d
  UNION ALL
  SELECT d.id FROM below b CROSS JOIN LATERAL (
    SELECT u.id FROM directories u WHERE u.library_id = $1 AND u.parent_id = b.id AND u.removed_at IS NULL OFFSET 0) d
)
SELECT id FROM below LIMIT $3
