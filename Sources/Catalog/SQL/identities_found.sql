-- Rows of library $2 that scan $1 has found to be another file than before, or there again, and what it is by now.
INSERT INTO found_identities AS i (library_id, file_id, inode, directory_id, name, scan_id)
SELECT $2, v.id, v.inode, v.directory_id, v.name, $1
  FROM unnest($3::bigint[], $4::bigint[], $5::bytea[], $6::bigint[]) AS v(id, directory_id, name, inode) ORDER BY v.id
ON CONFLICT (library_id, file_id) DO UPDATE
   SET inode = excluded.inode, directory_id = excluded.directory_id, name = excluded.name, scan_id = excluded.scan_id
