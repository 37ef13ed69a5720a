SELECT drop_slices($1)
