-- Known directories that were gone when the walk came to them, and are back under their names: without stamps they are
-- listed again before the scan's end, for the first time.
UPDATE directories d SET mtime_ns = NULL, ctime_ns = NULL
  FROM (SELECT id FROM unnest($2::bigint[]) AS u(id) ORDER BY id) v
 WHERE d.library_id = $1 AND d.id = v.id AND d.mtime_ns IS NOT NULL
