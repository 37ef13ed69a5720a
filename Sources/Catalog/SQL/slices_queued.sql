SELECT number FROM slices WHERE scan_id = $1 AND state = 'queued' ORDER BY number
