SELECT path, error_type, operation, errno, error_message, created_at FROM scan_errors WHERE scan_id = $1 ORDER BY id DESC
