-- What scan $2 has changed in library $1, as the cursor `changes`: first what it knew before, by an index in its order,
-- then the files that are its own, as they lie in the library's partition, which BRIN on first_scan finds.
DECLARE changes NO SCROLL CURSOR FOR
(SELECT c.change::text, c.kind::text, c.file_id, c.directory_id, c.name
   FROM scan_changes c WHERE c.library_id = $1 AND c.scan_id = $2 ORDER BY c.change, c.file_id)
UNION ALL
SELECT 'a', f.kind::text, f.id, f.directory_id, f.name FROM files f WHERE f.library_id = $1 AND f.first_scan = $2
