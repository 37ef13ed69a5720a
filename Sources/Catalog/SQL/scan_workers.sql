-- Who is at work on a scan now.
SELECT DISTINCT worker FROM slices WHERE scan_id = $1 AND state = 'running'
