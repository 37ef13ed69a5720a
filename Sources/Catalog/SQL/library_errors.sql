-- Deletes some of the errors of library $1, which is closed; how many rows.
WITH gone AS (
  DELETE FROM errors WHERE ctid = ANY (ARRAY(SELECT ctid FROM errors WHERE library_id = $1 LIMIT 100000))
  RETURNING 1
)
SELECT count(*) FROM gone
