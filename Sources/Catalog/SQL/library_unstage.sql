-- Deletes some of what scans of library $1, which is closed, have staged and noted; how many rows.
WITH removals AS (
  DELETE FROM staged_removals WHERE ctid = ANY (ARRAY(SELECT ctid FROM staged_removals WHERE library_id = $1 LIMIT 100000))
  RETURNING 1
), moves AS (
  DELETE FROM staged_moves WHERE ctid = ANY (ARRAY(SELECT ctid FROM staged_moves WHERE library_id = $1 LIMIT 100000))
  RETURNING 1
), found AS (
  DELETE FROM found_identities WHERE ctid = ANY (ARRAY(SELECT ctid FROM found_identities WHERE library_id = $1 LIMIT 100000))
  RETURNING 1
), lost AS (
  DELETE FROM lost_identities WHERE ctid = ANY (ARRAY(SELECT ctid FROM lost_identities WHERE library_id = $1 LIMIT 100000))
  RETURNING 1
)
SELECT (SELECT count(*) FROM removals) + (SELECT count(*) FROM moves) + (SELECT count(*) FROM found) + (SELECT count(*) FROM lost)
