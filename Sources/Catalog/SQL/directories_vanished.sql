-- Directories that this very scan had found and that were gone before they could be visited: churn.
DELETE FROM directories WHERE library_id = $2 AND id = ANY ($3) AND first_scan = $1 AND files IS NULL
