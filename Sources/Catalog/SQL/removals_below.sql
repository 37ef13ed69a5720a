-- The live child directories of many directories $3 of library $2, in the order of the given ones and of their names,
-- at most $5; of the first one those after the name $4. Each with its parent's place, from 1, and whether scan $1 has
-- staged it by itself.
SELECT c.place, c.id, c.name, EXISTS (
  SELECT 1 FROM staged_removals s WHERE s.scan_id = $1 AND s.kind = 'd' AND s.row_id = c.id AND s.directory_id = c.parent_id AND s.name = c.name)
  FROM unnest($3::bigint[]) WITH ORDINALITY AS p(id, place) CROSS JOIN LATERAL (
    SELECT p.place, d.id, d.parent_id, d.name FROM directories d
     WHERE d.library_id = $2 AND d.parent_id = p.id AND d.removed_at IS NULL
       AND d.name > CASE p.place WHEN 1 THEN $4::bytea ELSE ''::bytea END
     ORDER BY d.name LIMIT $5) c
 ORDER BY c.place, c.name LIMIT $5
