-- The library's partitions that still exist; `attached` says whether they are still part of their table,
-- `pending` whether an interrupted DETACH CONCURRENTLY waits to be finalised.
SELECT c.relname::text, i.inhparent IS NOT NULL, coalesce(i.inhdetachpending, false)
  FROM unnest($1) AS wanted(name)
  JOIN pg_class c ON c.oid = to_regclass(wanted.name)
  LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
