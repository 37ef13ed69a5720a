SELECT * FROM begin_moves($1, $2, $3, $4, $5)
