-- The errors of scan $1 that have rows, newest first.
SELECT id, scan_id, path, error_type, operation, errno, error_message, created_at, last_seen, resolved_scan, resolved_at
  FROM scan_errors WHERE scan_id = $1 ORDER BY id DESC
