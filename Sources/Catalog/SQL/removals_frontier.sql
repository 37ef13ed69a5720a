-- The directories $2 of library $1 and all that lie above them, tombstones too: columns as in slice_frontier.
WITH RECURSIVE wanted AS (
  SELECT w.id, w.place FROM unnest($2::bigint[]) WITH ORDINALITY AS w(id, place)
), chain AS (
  SELECT d.* FROM wanted w CROSS JOIN LATERAL (
    SELECT u.id, u.parent_id, u.name, u.inode FROM directories u WHERE u.library_id = $1 AND u.id = w.id OFFSET 0) d
  UNION
  SELECT d.* FROM chain c CROSS JOIN LATERAL (
    SELECT u.id, u.parent_id, u.name, u.inode FROM directories u WHERE u.library_id = $1 AND u.id = c.parent_id OFFSET 0) d
)
SELECT c.id, c.parent_id, c.name, w.place, CASE WHEN c.parent_id IS NULL THEN c.inode END
  FROM chain c LEFT JOIN wanted w ON w.id = c.id
