-- The newest tombstone of each name in a directory that has one, with the name's place among the given.
SELECT n.place, f.id FROM unnest($3::bytea[]) WITH ORDINALITY AS n(name, place) CROSS JOIN LATERAL (
  SELECT t.id FROM files t
   WHERE t.library_id = $1 AND t.directory_id = $2 AND t.name = n.name AND t.removed_at IS NOT NULL
   ORDER BY t.removed_at DESC, t.id DESC LIMIT 1) f
