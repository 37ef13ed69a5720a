SELECT checkpoint_slice($1, $2, $3, $4, $5, $6)
