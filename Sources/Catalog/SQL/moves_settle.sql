SELECT settle_moves($1, $2)
