-- Directories that are to lie where the slice has seen them.
SELECT lock_directories($1, $2, $3, $4)
