SELECT reject_scan($1, $2, $3, $4, $5, $6)
