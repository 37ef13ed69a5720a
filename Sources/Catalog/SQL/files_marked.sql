-- As files_live, with what scan $5 has made of each file before: 's' staged it, 'a' added it, 'u' updated or revived it,
-- 'c' found it as it was.
SELECT c.* FROM unnest($2::bigint[]) WITH ORDINALITY AS p(id, place) CROSS JOIN LATERAL (
  SELECT f.directory_id, f.name, f.id, f.kind::text, f.size, f.mtime_ns, f.ctime_ns, f.btime_ns, f.inode, f.mode,
         CASE WHEN EXISTS (SELECT 1 FROM staged_removals s WHERE s.scan_id = $5 AND s.kind = 'f' AND s.row_id = f.id) THEN 's'
              WHEN f.first_scan = $5 THEN 'a' WHEN f.changed_scan = $5 THEN 'u' ELSE 'c' END
    FROM files f
   WHERE f.library_id = $1 AND f.directory_id = p.id AND f.removed_at IS NULL
     AND f.name > CASE p.place WHEN 1 THEN $3::bytea ELSE ''::bytea END
   ORDER BY f.name LIMIT $4) c
 ORDER BY p.place, c.name LIMIT $4
