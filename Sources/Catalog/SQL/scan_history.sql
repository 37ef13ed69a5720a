-- Newest first; of one library, or of all where $1 is NULL.
SELECT * FROM scan_records WHERE $1::bigint IS NULL OR library_id = $1 ORDER BY id DESC LIMIT $2
