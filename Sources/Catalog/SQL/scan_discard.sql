SELECT discard_scan($1, $2, $3)
