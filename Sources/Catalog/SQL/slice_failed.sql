SELECT slice_failed($1, $2, $3, $4, $5, $6)
