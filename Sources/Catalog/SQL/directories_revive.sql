-- Directories that are there again under their names: their tombstones live again, to be listed anew.
UPDATE directories d SET removed_at = NULL, excluded = false, signature = NULL, signature_version = NULL, changed_scan = $1
  FROM (SELECT id FROM unnest($3::bigint[]) AS u(id) ORDER BY id) v
 WHERE d.library_id = $2 AND d.id = v.id
