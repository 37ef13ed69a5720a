-- Files that scan $1 itself has added, and that have gone from their directories before its end: churn. Nothing has
-- moved there.
WITH gone AS (
  DELETE FROM files f USING unnest($3::bigint[], $4::bigint[], $5::bytea[]) AS v(id, directory_id, name)
   WHERE f.library_id = $2 AND f.directory_id = v.directory_id AND f.name = v.name AND f.id = v.id AND f.first_scan = $1
     AND f.removed_at IS NULL
)
DELETE FROM found_identities WHERE library_id = $2 AND file_id = ANY ($3)
