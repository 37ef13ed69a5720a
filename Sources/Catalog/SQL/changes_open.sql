-- What scan $2 has changed in library $1, as the cursor `changes`: first what it knew before, by an index in its order,
-- then the files that are its own, as they lie in the library's partition, which BRIN on first_scan finds. Each with
-- where it was when the scan ended; what the scan moved, with where it was before, too.
DECLARE changes NO SCROLL CURSOR FOR
(SELECT c.change::text, c.kind::text, c.file_id, c.directory_id, c.name, c.from_directory_id, c.from_name
   FROM scan_changes c WHERE c.library_id = $1 AND c.scan_id = $2 ORDER BY c.change, c.kind <> 'd', c.file_id)
UNION ALL
SELECT 'a', f.kind::text, f.id, coalesce(m.from_directory_id, f.directory_id), coalesce(m.from_name, f.name), NULL, NULL
  FROM files f LEFT JOIN LATERAL (
    SELECT c.from_directory_id, c.from_name FROM scan_changes c
     WHERE c.library_id = $1 AND c.file_id = f.id AND c.change = 'm' AND c.kind <> 'd' AND c.scan_id > $2
       AND (SELECT EXISTS (
         SELECT 1 FROM scan_changes e WHERE e.library_id = $1 AND e.change = 'm' AND e.kind <> 'd' AND e.scan_id > $2))
     ORDER BY c.scan_id LIMIT 1) m ON true
 WHERE f.library_id = $1 AND f.first_scan = $2
