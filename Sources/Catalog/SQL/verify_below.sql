-- How many live files lie in the directories $2 of library $1 themselves, and which live directories do. A lookup each.
SELECT (SELECT coalesce(sum(n.files), 0)::bigint FROM unnest($2::bigint[]) AS p(id) CROSS JOIN LATERAL (
          SELECT count(*) AS files FROM files f
           WHERE f.library_id = $1 AND f.directory_id = p.id AND f.removed_at IS NULL OFFSET 0) n),
       ARRAY(SELECT d.id FROM unnest($2::bigint[]) AS p(id) CROSS JOIN LATERAL (
          SELECT u.id FROM directories u
           WHERE u.library_id = $1 AND u.parent_id = p.id AND u.removed_at IS NULL OFFSET 0) d)
