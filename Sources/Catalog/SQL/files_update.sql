-- Live files that are not what they were, each a change of the scan.
WITH updated AS (
  UPDATE files f
     SET kind = v.kind::"char", size = v.size, mtime_ns = v.mtime_ns, ctime_ns = v.ctime_ns, btime_ns = v.btime_ns,
         inode = v.inode, mode = v.mode, changed_scan = $1
    FROM unnest($3::bigint[], $4::bytea[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[],
                $10::bigint[], $11::integer[])
         AS v(directory_id, name, kind, size, mtime_ns, ctime_ns, btime_ns, inode, mode)
   WHERE f.library_id = $2 AND f.directory_id = v.directory_id AND f.name = v.name AND f.removed_at IS NULL
  RETURNING f.kind, f.id, f.directory_id, f.name
)
INSERT INTO scan_changes (library_id, scan_id, change, kind, file_id, directory_id, name)
SELECT $2, $1, 'u', kind, id, directory_id, name FROM updated
ON CONFLICT DO NOTHING
