-- The newest tombstone of a name in a directory.
SELECT d.id FROM directories d
 WHERE d.library_id = $1 AND d.parent_id = $2 AND d.name = $3 AND d.removed_at IS NOT NULL
 ORDER BY d.removed_at DESC, d.id DESC LIMIT 1
