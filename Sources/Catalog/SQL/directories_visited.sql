-- What a slice found out about directories whose rows an earlier commit had made. A NULL boundary leaves it
-- as it was.
UPDATE directories d
   SET device = v.device, inode = v.inode, mode = v.mode, mtime_ns = v.mtime_ns, ctime_ns = v.ctime_ns,
       btime_ns = v.btime_ns, boundary = CASE v.boundary WHEN 0 THEN false WHEN 1 THEN true ELSE d.boundary END,
       files = v.files, bytes = v.bytes, signature = v.signature,
       signature_version = CASE WHEN v.signature IS NOT NULL THEN $3::integer END, errors = v.errors, unread = v.unread,
       first_scan = coalesce(d.first_scan, $1), changed_scan = $1
  FROM (SELECT id, device, inode, mode, mtime_ns, ctime_ns, btime_ns, boundary, files, bytes,
               nullif(signature, ''::bytea) AS signature, nullif(errors, '')::jsonb AS errors, nullif(unread, '') AS unread
          FROM unnest($4::bigint[], $5::bigint[], $6::bigint[], $7::integer[], $8::bigint[], $9::bigint[],
                      $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bytea[], $15::text[], $16::text[])
             AS u(id, device, inode, mode, mtime_ns, ctime_ns, btime_ns, boundary, files, bytes, signature, errors, unread)
         ORDER BY u.id) v
 WHERE d.library_id = $2 AND d.id = v.id
