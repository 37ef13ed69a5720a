-- The live rows of the names $3 in directory $2 of library $1, in the columns and the order of verify_entries.
SELECT $2::bigint, c.* FROM unnest($3::bytea[]) AS n(name) CROSS JOIN LATERAL (
  (SELECT f.name, f.id, f.kind::text AS kind, f.size, f.mtime_ns, f.ctime_ns, f.btime_ns, f.inode, f.mode,
          NULL::bigint AS device, 0 AS flags, false AS is_directory
     FROM files f
    WHERE f.library_id = $1 AND f.directory_id = $2 AND f.removed_at IS NULL AND f.name = n.name LIMIT 1)
  UNION ALL
  (SELECT d.name, d.id, 'd', 0, d.mtime_ns, d.ctime_ns, d.btime_ns, d.inode, d.mode, d.device,
          d.boundary::integer + 2 * d.followed::integer + 4 * (d.files IS NOT NULL)::integer, true
     FROM directories d
    WHERE d.library_id = $1 AND d.parent_id = $2 AND d.removed_at IS NULL AND d.name = n.name LIMIT 1)) c
 ORDER BY c.name, c.is_directory
