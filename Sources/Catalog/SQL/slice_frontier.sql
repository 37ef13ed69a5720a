-- The directories of a slice's frontier and all that lie above them, each once. Those of the frontier
-- carry their place in it, from 1. OFFSET 0 keeps each step a lookup by id: the planner takes a step for
-- many rows, and would read the whole table once for every level of a deep tree.
WITH RECURSIVE wanted AS (
  SELECT f.id, f.place FROM slices s, unnest(s.frontier) WITH ORDINALITY AS f(id, place)
   WHERE s.scan_id = $1 AND s.number = $2
), chain AS (
  SELECT d.id, d.parent_id, d.name FROM wanted w JOIN directories d ON d.library_id = $3 AND d.id = w.id
  UNION
  SELECT d.id, d.parent_id, d.name
    FROM chain c
   CROSS JOIN LATERAL (SELECT * FROM directories p WHERE p.library_id = $3 AND p.id = c.parent_id OFFSET 0) d
)
SELECT c.id, c.parent_id, c.name, w.place FROM chain c LEFT JOIN wanted w ON w.id = c.id
