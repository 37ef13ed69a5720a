SELECT forget_library($1)
