SELECT outcome, scan_id FROM cancel_scan($1, $2, $3)
