-- The directories $2 of library $1 and all that lay above them, tombstones too, each once, as they lay before scan $3.
WITH RECURSIVE chain AS (
  SELECT NULL::bigint AS id, w.id AS parent_id, ''::bytea AS name FROM unnest($2::bigint[]) AS w(id)
  UNION
  SELECT d.* FROM chain c CROSS JOIN LATERAL (
    SELECT u.id, coalesce(m.from_directory_id, u.parent_id), given_name(coalesce(m.from_name, u.name))
      FROM directories u LEFT JOIN LATERAL (
        SELECT h.from_directory_id, h.from_name FROM scan_changes h
         WHERE h.library_id = $1 AND h.file_id = u.id AND h.change = 'm' AND h.kind = 'd' AND h.scan_id >= $3
         ORDER BY h.scan_id LIMIT 1) m ON true
     WHERE u.library_id = $1 AND u.id = c.parent_id OFFSET 0) d
)
SELECT id, parent_id, name FROM chain WHERE id IS NOT NULL
