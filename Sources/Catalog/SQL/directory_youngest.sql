-- When the youngest live directory of library $1 was born, as far as that is known of any.
SELECT d.btime_ns FROM directories d
 WHERE d.library_id = $1 AND d.removed_at IS NULL AND d.btime_ns IS NOT NULL ORDER BY d.btime_ns DESC LIMIT 1
