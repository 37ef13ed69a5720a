SELECT close_library($1)
