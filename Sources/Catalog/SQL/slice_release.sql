SELECT release_slice($1, $2, $3, $4)
