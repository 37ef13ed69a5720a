-- The open errors of entries in a library, those that have rows: no more than a bounded number a type.
SELECT e.id, e.directory_id, e.name, e.error_type, e.error_message FROM errors e
 WHERE e.library_id = $1 AND e.name IS NOT NULL AND e.resolved_scan IS NULL
