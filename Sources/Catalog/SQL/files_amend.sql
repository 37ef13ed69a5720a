-- Live files that scan $1 has added or updated, and that have changed once more since: no further change of the scan.
UPDATE files f
   SET kind = v.kind::"char", size = v.size, mtime_ns = v.mtime_ns, ctime_ns = v.ctime_ns, btime_ns = v.btime_ns,
       inode = v.inode, mode = v.mode, changed_scan = $1
  FROM unnest($3::bigint[], $4::bytea[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[],
              $10::bigint[], $11::integer[])
       AS v(directory_id, name, kind, size, mtime_ns, ctime_ns, btime_ns, inode, mode)
 WHERE f.library_id = $2 AND f.directory_id = v.directory_id AND f.name = v.name AND f.removed_at IS NULL
