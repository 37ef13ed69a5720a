-- Directories and all that lie above them, tombstones too, each once, with whether they are closed: could not be read
-- when they were last visited. The root carries its inode.
WITH RECURSIVE chain AS (
  SELECT d.* FROM unnest($2::bigint[]) AS w(id) CROSS JOIN LATERAL (
    SELECT u.id, u.parent_id, u.name, u.inode, u.followed, u.boundary, coalesce(u.unread <> 'timestamp_out_of_range', false) AS closed FROM directories u WHERE u.library_id = $1 AND u.id = w.id OFFSET 0) d
  UNION
  SELECT d.* FROM chain c CROSS JOIN LATERAL (
    SELECT u.id, u.parent_id, u.name, u.inode, u.followed, u.boundary, coalesce(u.unread <> 'timestamp_out_of_range', false) AS closed FROM directories u WHERE u.library_id = $1 AND u.id = c.parent_id OFFSET 0) d
)
SELECT id, parent_id, name, NULL::bigint, CASE WHEN parent_id IS NULL THEN inode END, followed, boundary, closed FROM chain
