SELECT add_library($1, $2, $3)
