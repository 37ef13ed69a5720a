-- The library's active scan or, where it has none, its last one.
SELECT * FROM scan_records WHERE library_id = $1 ORDER BY id DESC LIMIT 1
