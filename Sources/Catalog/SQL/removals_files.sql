-- How many live files the directories $2 of library $1 hold.
SELECT coalesce(sum(f.count), 0)::bigint FROM unnest($2::bigint[]) AS p(id) CROSS JOIN LATERAL (
  SELECT count(*) FROM files u WHERE u.library_id = $1 AND u.directory_id = p.id AND u.removed_at IS NULL) f
