-- The next $4 directories that scan $1 has staged in library $2, after the row $3: their ids, and whether they are
-- live and where they were.
SELECT s.row_id, EXISTS (
  SELECT 1 FROM directories d
   WHERE d.library_id = $2 AND d.id = s.row_id AND d.parent_id IS NOT DISTINCT FROM s.directory_id AND d.name = s.name AND d.removed_at IS NULL OFFSET 0)
  FROM staged_removals s WHERE s.scan_id = $1 AND s.kind = 'd' AND s.row_id > $3 ORDER BY s.row_id LIMIT $4
