-- The partitions of table $1 that must leave it before the partition $2 can be dropped, in that order: what an
-- interrupted DETACH CONCURRENTLY has left pending (a table bears one such at a time, whosever it is), then $2.
SELECT i.inhrelid::regclass::text, i.inhdetachpending
  FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
 WHERE i.inhparent = to_regclass($1::text) AND (i.inhdetachpending OR c.relname = $2::text)
 ORDER BY i.inhdetachpending DESC
