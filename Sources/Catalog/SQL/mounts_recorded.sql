-- What host $2 must find mounted at the root of library $1 and below it, in rows of three sorts:
--   'm'  the root, which has one in any case, or a mount point, with a record of it: the host's own or, where it has
--        none, one of another's; whether there are live rows below it, and whether it is the root
--   'n'  the name of a live entry of one of which the host has no record, or one without an fsid: 1,000 at the most
--   'p'  the parent and name of a mount point, and of each directory above it
-- OFFSET 0 and LIMIT make the planner look rows up by index, as it does not before a partition's first ANALYZE.
WITH RECURSIVE marked AS MATERIALIZED (
  SELECT l.root_directory AS id, true AS is_root FROM libraries l WHERE l.id = $1
  UNION ALL
  SELECT m.directory_id, false FROM (SELECT DISTINCT r.directory_id FROM library_mounts r WHERE r.library_id = $1) m
   CROSS JOIN LATERAL (
     SELECT 1 FROM directories u
      WHERE u.library_id = $1 AND u.id = m.directory_id AND u.parent_id IS NOT NULL AND u.removed_at IS NULL OFFSET 0) d
), mounts AS MATERIALIZED (
  SELECT k.id, k.is_root,
         r.host IS NOT NULL AS is_own, r.fs_id IS NOT NULL AS has_id,
         coalesce(
           (SELECT true FROM directories u WHERE u.library_id = $1 AND u.parent_id = k.id AND u.removed_at IS NULL
             ORDER BY u.name LIMIT 1),
           (SELECT true FROM files f WHERE f.library_id = $1 AND f.directory_id = k.id AND f.removed_at IS NULL
             ORDER BY f.name LIMIT 1),
           false) AS has_rows
    FROM marked k
    LEFT JOIN library_mounts r ON r.library_id = $1 AND r.directory_id = k.id AND r.host = $2
), above AS (
  SELECT d.* FROM mounts k CROSS JOIN LATERAL (
    SELECT u.id, u.parent_id, u.name FROM directories u WHERE u.library_id = $1 AND u.id = k.id AND NOT k.is_root OFFSET 0) d
  UNION
  SELECT d.* FROM above c CROSS JOIN LATERAL (
    SELECT u.id, u.parent_id, u.name FROM directories u
     WHERE u.library_id = $1 AND u.id = c.parent_id AND u.parent_id IS NOT NULL OFFSET 0) d
)
SELECT 'm' AS sort, k.id, NULL::bigint AS parent_id, NULL::bytea AS name, k.is_root, k.has_rows, k.is_own, r.fs_type,
       r.fs_uuid, r.fs_id, r.root_inode, r.accepted
  FROM mounts k
  LEFT JOIN LATERAL (
    SELECT x.* FROM library_mounts x
     WHERE x.library_id = $1 AND x.directory_id = k.id AND (x.host = $2 OR NOT k.is_own)
     ORDER BY x.recorded_at DESC LIMIT 64) r ON true
UNION ALL
SELECT 'n', k.id, NULL, n.name, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
  FROM mounts k
 CROSS JOIN LATERAL (
    (SELECT u.name FROM directories u WHERE u.library_id = $1 AND u.parent_id = k.id AND u.removed_at IS NULL ORDER BY u.name LIMIT 500)
    UNION ALL
    (SELECT f.name FROM files f WHERE f.library_id = $1 AND f.directory_id = k.id AND f.removed_at IS NULL ORDER BY f.name LIMIT 500)) n
 WHERE NOT k.has_id AND k.has_rows
UNION ALL
SELECT 'p', a.id, a.parent_id, a.name, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM above a
