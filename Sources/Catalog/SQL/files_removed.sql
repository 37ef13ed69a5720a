-- Those of many directories in which files were that are gone.
SELECT p.id FROM unnest($2::bigint[]) AS p(id) CROSS JOIN LATERAL (
  SELECT 1 FROM files f WHERE f.library_id = $1 AND f.directory_id = p.id AND f.removed_at IS NOT NULL LIMIT 1) f
