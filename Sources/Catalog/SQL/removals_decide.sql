SELECT decide_removals($1, $2, $3, $4, $5)
