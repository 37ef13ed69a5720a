SELECT * FROM apply_removals($1, $2, $3, $4, $5)
