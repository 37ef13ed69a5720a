-- The live files of many directories, in the order of the given ones and of their names; of the first one
-- those after a name. A lookup each: before a new partition's first ANALYZE the planner takes it for almost
-- empty, and would read all of it.
SELECT c.* FROM unnest($2::bigint[]) WITH ORDINALITY AS p(id, place) CROSS JOIN LATERAL (
  SELECT f.directory_id, f.name, f.id, f.kind::text, f.size, f.mtime_ns, f.ctime_ns, f.btime_ns, f.inode, f.mode
    FROM files f
   WHERE f.library_id = $1 AND f.directory_id = p.id AND f.removed_at IS NULL
     AND f.name > CASE p.place WHEN 1 THEN $3::bytea ELSE ''::bytea END
   ORDER BY f.name LIMIT $4) c
 ORDER BY p.place, c.name LIMIT $4
