-- Names of live entries of the directories $2 of library $1, with whether each is a directory's: of each directory the
-- first $3 files and the first $3 directories. None that a link leads to, and no vacated name. A lookup each.
SELECT p.id, e.name, e.is_directory FROM unnest($2::bigint[]) AS p(id) CROSS JOIN LATERAL (
  (SELECT f.name, false AS is_directory FROM files f
    WHERE f.library_id = $1 AND f.directory_id = p.id AND f.removed_at IS NULL ORDER BY f.name LIMIT $3)
  UNION ALL
  (SELECT d.name, true FROM directories d
    WHERE d.library_id = $1 AND d.parent_id = p.id AND d.removed_at IS NULL AND d.name >= '\x01'::bytea AND NOT d.followed
    ORDER BY d.name LIMIT $3)) e
