-- Those that one slice's commit has queued.
SELECT number FROM slices WHERE scan_id = $1 AND queued_by = $2 AND state = 'queued' ORDER BY number
