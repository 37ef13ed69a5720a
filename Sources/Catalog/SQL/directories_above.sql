-- Directories and all that lie above them, tombstones too, each once, with whether they are closed: could not be read
-- when they were last visited; and whether they are still to be listed (directories_unlisted). The fourth column is
-- that of slice_frontier.
WITH RECURSIVE chain AS (
  SELECT d.* FROM unnest($2::bigint[]) AS w(id) CROSS JOIN LATERAL (
    SELECT u.id, u.parent_id, u.name, u.followed, u.boundary, u.unread, u.inode, u.mtime_ns FROM directories u
     WHERE u.library_id = $1 AND u.id = w.id OFFSET 0) d
  UNION
  SELECT d.* FROM chain c CROSS JOIN LATERAL (
    SELECT u.id, u.parent_id, u.name, u.followed, u.boundary, u.unread, u.inode, u.mtime_ns FROM directories u
     WHERE u.library_id = $1 AND u.id = c.parent_id OFFSET 0) d
)
SELECT id, parent_id, name, NULL::bigint, followed, boundary, coalesce(unread <> 'timestamp_out_of_range', false),
       unread IS NULL AND inode IS NOT NULL AND mtime_ns IS NULL
  FROM chain
