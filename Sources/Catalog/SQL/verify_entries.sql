-- The live rows of what lies in many directories, files and child directories together, in the order of the given
-- directories, by name, and of one name the file first. Of the first directory those after the name $3: a directory
-- of that very name too, unless $5 says that it is the last one seen. The flags: 1 a boundary, 2 followed, 4 listed.
-- A lookup each: before a new partition's first ANALYZE the planner takes it for almost empty, and would read all of it.
SELECT p.id, c.* FROM unnest($2::bigint[]) WITH ORDINALITY AS p(id, place) CROSS JOIN LATERAL (
  SELECT * FROM (
    (SELECT f.name, f.id, f.kind::text AS kind, f.size, f.mtime_ns, f.ctime_ns, f.btime_ns, f.inode, f.mode,
            NULL::bigint AS device, 0 AS flags, false AS is_directory
       FROM files f
      WHERE f.library_id = $1 AND f.directory_id = p.id AND f.removed_at IS NULL
        AND f.name > CASE p.place WHEN 1 THEN $3::bytea ELSE ''::bytea END
      ORDER BY f.name LIMIT $4)
    UNION ALL
    (SELECT d.name, d.id, 'd', 0, d.mtime_ns, d.ctime_ns, d.btime_ns, d.inode, d.mode, d.device,
            d.boundary::integer + 2 * d.followed::integer + 4 * (d.files IS NOT NULL)::integer, true
       FROM directories d
      WHERE d.library_id = $1 AND d.parent_id = p.id AND d.removed_at IS NULL
        AND d.name >= CASE p.place WHEN 1 THEN $3::bytea ELSE ''::bytea END
        AND NOT (p.place = 1 AND $5 AND d.name = $3::bytea)
      ORDER BY d.name LIMIT $4)) u
   ORDER BY u.name, u.is_directory LIMIT $4) c
 ORDER BY p.place, c.name, c.is_directory LIMIT $4
