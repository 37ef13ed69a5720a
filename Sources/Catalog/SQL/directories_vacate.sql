SELECT vacate_directories($1, $2, $3, $4, $5)
