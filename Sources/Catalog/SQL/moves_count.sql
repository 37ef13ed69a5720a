-- How many directories scan $1 of library $2 has moved; its row is held since settle_slice.
UPDATE scans SET directories_moved = (
  SELECT count(*) FROM scan_changes c
   WHERE c.library_id = $2 AND c.scan_id = $1 AND c.change = 'm' AND (c.kind <> 'd') = false)
 WHERE id = $1
