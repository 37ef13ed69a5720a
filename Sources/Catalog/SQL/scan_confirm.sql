SELECT outcome, scan_id FROM confirm_scan($1, $2, $3)
