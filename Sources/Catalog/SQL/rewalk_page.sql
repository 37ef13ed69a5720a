-- The next $3 live directories of library $1 after the id $2 that could be read, with what tells whether they have
-- changed since; without stamps those that are still to be listed.
SELECT id, inode, mtime_ns, ctime_ns FROM directories
 WHERE library_id = $1 AND id > $2 AND removed_at IS NULL AND unread IS NULL AND inode IS NOT NULL
 ORDER BY id LIMIT $3
