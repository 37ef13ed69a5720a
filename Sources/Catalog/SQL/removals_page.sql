-- The next $4 of what a scan has staged as missing, after the row of kind $2 ('' to begin) and id $3. What is excluded
-- is there: nobody looks for it.
SELECT kind = 'd', row_id, directory_id, name FROM staged_removals
 WHERE scan_id = $1 AND (kind, row_id) > ($2::text::"char", $3) AND NOT excluded ORDER BY kind, row_id LIMIT $4
