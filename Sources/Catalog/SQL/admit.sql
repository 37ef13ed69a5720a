SELECT outcome, scan_id FROM admit_scan($1, $2, $3, $4, $5, $6)
