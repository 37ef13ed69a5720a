-- Directories whose names are links' that lead to them ($3), or are so no more.
UPDATE directories d SET followed = $3::boolean
  FROM (SELECT id FROM unnest($2::bigint[]) AS u(id) ORDER BY id) v
 WHERE d.library_id = $1 AND d.id = v.id AND d.followed <> $3::boolean
