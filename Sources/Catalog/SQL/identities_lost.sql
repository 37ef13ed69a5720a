-- Rows of library $2 that scan $1 has found to be another file than before, and what that was when a scan last got to
-- its end: the first loss since then tells it. A row that is younger was nothing then.
INSERT INTO lost_identities AS i (library_id, file_id, directory_id, name, kind, size, mtime_ns, btime_ns, inode, scan_id)
SELECT $2, v.id, v.directory_id, v.name, v.kind::"char", v.size, v.mtime_ns, v.btime_ns, v.inode, $1
  FROM unnest($3::bigint[], $4::bigint[], $5::bytea[], $6::text[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[])
         AS v(id, directory_id, name, kind, size, mtime_ns, btime_ns, inode)
 WHERE NOT EXISTS (
   SELECT 1 FROM found_identities f
    WHERE f.library_id = $2 AND f.file_id = v.id AND f.scan_id > (SELECT scan_ended_before($1)))
 ORDER BY v.id
ON CONFLICT (library_id, file_id) DO UPDATE
   SET directory_id = excluded.directory_id, name = excluded.name, kind = excluded.kind, size = excluded.size,
       mtime_ns = excluded.mtime_ns, btime_ns = excluded.btime_ns, inode = excluded.inode, scan_id = excluded.scan_id
 WHERE i.scan_id <= (SELECT scan_ended_before($1))
