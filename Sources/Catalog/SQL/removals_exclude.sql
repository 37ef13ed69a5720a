SELECT * FROM exclude_staged($1, $2, $3, $4, $5)
