SELECT * FROM scan_records WHERE id = $1
