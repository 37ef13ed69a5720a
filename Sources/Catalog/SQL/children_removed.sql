-- Those of many directories in which directories were that are gone.
SELECT p.id FROM unnest($2::bigint[]) AS p(id) CROSS JOIN LATERAL (
  SELECT 1 FROM directories d WHERE d.library_id = $1 AND d.parent_id = p.id AND d.removed_at IS NOT NULL LIMIT 1) d
