-- Directories in which something is unsettled: their next listing is compared with every row.
UPDATE directories d SET signature = NULL, signature_version = NULL
  FROM (SELECT id FROM unnest($2::bigint[]) AS u(id) ORDER BY id) v
 WHERE d.library_id = $1 AND d.id = v.id AND d.signature IS NOT NULL
