-- Live directories of library $1 and all that lie above them, each once, in the columns of slice_frontier. Those asked
-- for carry their place in $2, from 1, and what scans know of them; tombstones, and a root that no scan has visited,
-- carry nothing. OFFSET 0 makes the planner look rows up by id, as it does not before a partition's first ANALYZE.
WITH RECURSIVE wanted AS (
  SELECT w.id, w.place FROM unnest($2::bigint[]) WITH ORDINALITY AS w(id, place)
), chain AS (
  SELECT d.* FROM wanted w CROSS JOIN LATERAL (
    SELECT u.id, u.parent_id, u.name, u.followed FROM directories u WHERE u.library_id = $1 AND u.id = w.id OFFSET 0) d
  UNION
  SELECT d.* FROM chain c CROSS JOIN LATERAL (
    SELECT u.id, u.parent_id, u.name, u.followed FROM directories u WHERE u.library_id = $1 AND u.id = c.parent_id OFFSET 0) d
)
SELECT c.id, c.parent_id, c.name, w.place, c.followed,
       k.device, k.inode, k.mode, k.mtime_ns, k.ctime_ns, k.btime_ns, k.boundary, k.files, k.bytes, k.signature, k.signature_version,
       k.followed, k.errors::text, k.unread, false AS again,
       CASE WHEN c.parent_id IS NULL THEN true END
  FROM chain c LEFT JOIN wanted w ON w.id = c.id
  LEFT JOIN LATERAL (
    SELECT u.* FROM directories u
     WHERE w.place IS NOT NULL AND u.library_id = $1 AND u.id = c.id AND u.removed_at IS NULL AND u.inode IS NOT NULL OFFSET 0) k ON true
