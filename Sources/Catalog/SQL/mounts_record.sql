-- Records what host $2 has found at the root and at mount points of library $1, in place of what was on record for
-- it. An empty UUID and an fsid of 0 stand for none.
INSERT INTO library_mounts AS m (library_id, host, directory_id, fs_type, fs_uuid, fs_id, root_inode, accepted)
SELECT $1, $2, v.directory_id, v.fs_type, nullif(v.fs_uuid, ''), nullif(v.fs_id, 0), v.root_inode, v.accepted <> 0
  FROM unnest($3::bigint[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::integer[])
         AS v(directory_id, fs_type, fs_uuid, fs_id, root_inode, accepted)
 ORDER BY v.directory_id
ON CONFLICT (library_id, directory_id, host) DO UPDATE
   SET fs_type = excluded.fs_type, fs_uuid = excluded.fs_uuid, fs_id = excluded.fs_id, root_inode = excluded.root_inode,
       accepted = excluded.accepted, recorded_at = clock_timestamp()
