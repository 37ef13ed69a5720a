-- Directories that this very scan had found, and that were gone before or while they were listed: churn.
-- What was listed of them before went with them.
WITH gone AS (
  DELETE FROM directories WHERE library_id = $2 AND id = ANY ($3) AND first_scan = $1 AND files IS NULL
)
DELETE FROM files WHERE library_id = $2 AND directory_id = ANY ($3) AND first_scan = $1
