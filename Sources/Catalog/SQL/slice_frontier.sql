-- The directories of a slice's frontier and all that lie above them, each once. Those of the frontier
-- carry their place in it, from 1, and what earlier scans knew of them (NULLs where none did), or this one of those
-- that it lists again; the root carries whether an earlier scan has looked at it. OFFSET 0 makes the planner look
-- rows up by id: before a new partition's first ANALYZE it takes the partition for almost empty, and would read all of
-- it once for every level.
WITH RECURSIVE wanted AS (
  SELECT f.id, f.place, f.id = ANY (s.again) AS again FROM slices s, unnest(s.frontier) WITH ORDINALITY AS f(id, place)
   WHERE s.scan_id = $1 AND s.number = $2
), chain AS (
  SELECT d.* FROM wanted w CROSS JOIN LATERAL (
    SELECT u.id, u.parent_id, u.name, u.followed, u.first_scan FROM directories u
     WHERE u.library_id = $3 AND u.id = w.id OFFSET 0) d
  UNION
  SELECT d.* FROM chain c CROSS JOIN LATERAL (
    SELECT u.id, u.parent_id, u.name, u.followed, u.first_scan FROM directories u
     WHERE u.library_id = $3 AND u.id = c.parent_id OFFSET 0) d
)
SELECT c.id, c.parent_id, c.name, w.place, c.followed,
       k.device, k.inode, k.mode, k.mtime_ns, k.ctime_ns, k.btime_ns, k.boundary, k.files, k.bytes, k.signature,
       k.signature_version, k.followed, k.errors::text, k.unread, w.again,
       CASE WHEN c.parent_id IS NULL THEN coalesce(c.first_scan <> $1, false) END
  FROM chain c LEFT JOIN wanted w ON w.id = c.id
  LEFT JOIN LATERAL (
    SELECT u.* FROM directories u
     WHERE w.place IS NOT NULL AND u.library_id = $3 AND u.id = c.id AND (u.first_scan <> $1 OR w.again) OFFSET 0) k ON true
