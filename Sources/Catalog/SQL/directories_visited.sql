-- What a slice found out about directories whose rows an earlier commit had made.
UPDATE directories d
   SET device = v.device, inode = v.inode, mode = v.mode, mtime_ns = v.mtime_ns, ctime_ns = v.ctime_ns,
       btime_ns = v.btime_ns, files = v.files, bytes = v.bytes, first_scan = coalesce(d.first_scan, $1), changed_scan = $1
  FROM (SELECT * FROM unnest($3::bigint[], $4::bigint[], $5::bigint[], $6::integer[], $7::bigint[], $8::bigint[],
                             $9::bigint[], $10::bigint[], $11::bigint[])
             AS u(id, device, inode, mode, mtime_ns, ctime_ns, btime_ns, files, bytes) ORDER BY u.id) v
 WHERE d.library_id = $2 AND d.id = v.id
