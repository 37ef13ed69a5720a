-- Deletes some of what scans of library $1, which is closed, have staged; how many rows.
WITH gone AS (
  DELETE FROM staged_removals WHERE ctid = ANY (ARRAY(SELECT ctid FROM staged_removals WHERE library_id = $1 LIMIT 100000))
  RETURNING 1
)
SELECT count(*) FROM gone
