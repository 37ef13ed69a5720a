-- Which of the directories $2 scan $1 has staged, where they are by now: not those that have moved since.
SELECT s.row_id FROM staged_removals s
 WHERE s.scan_id = $1 AND s.kind = 'd' AND s.row_id = ANY ($2) AND EXISTS (
   SELECT 1 FROM directories d
    WHERE d.library_id = s.library_id AND d.id = s.row_id AND d.parent_id IS NOT DISTINCT FROM s.directory_id
      AND d.name = s.name OFFSET 0)
