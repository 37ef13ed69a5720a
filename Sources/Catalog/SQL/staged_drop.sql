-- Deletes at most $2 rows of what scan $1 has staged, where nobody wants them any more; how many.
SELECT drop_staged($1, $2)
