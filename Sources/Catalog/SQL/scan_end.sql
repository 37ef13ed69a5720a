SELECT end_scan($1, $2, $3, $4, $5)
