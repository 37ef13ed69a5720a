-- The live child directories of many directories, in the order of the given ones and of their names; of the
-- first one those after a name. A lookup each: before a new partition's first ANALYZE the planner takes it
-- for almost empty, and would read all of it.
SELECT c.* FROM unnest($2::bigint[]) WITH ORDINALITY AS p(id, place) CROSS JOIN LATERAL (
  SELECT d.parent_id, d.name, d.id, d.device, d.inode, d.mode, d.mtime_ns, d.ctime_ns, d.btime_ns, d.boundary, d.files,
         d.bytes, d.signature, d.signature_version, d.followed, d.errors::text, d.unread
    FROM directories d
   WHERE d.library_id = $1 AND d.parent_id = p.id AND d.removed_at IS NULL
     AND d.name > CASE p.place WHEN 1 THEN $3::bytea ELSE ''::bytea END
   ORDER BY d.name LIMIT $4) c
 ORDER BY p.place, c.name LIMIT $4
