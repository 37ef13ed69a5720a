-- Drops the slices of ended scans, of at most $2 scans; one row for each scan that had some. The scans are
-- found by hopping from one to the next in the key's index, however many slices each has.
WITH RECURSIVE hop AS (
  (SELECT scan_id FROM slices ORDER BY scan_id LIMIT 1)
  UNION ALL
  SELECT (SELECT s.scan_id FROM slices s WHERE s.scan_id > hop.scan_id ORDER BY s.scan_id LIMIT 1)
    FROM hop WHERE hop.scan_id IS NOT NULL
), ended AS MATERIALIZED (
  SELECT sc.id FROM hop JOIN scans sc ON sc.id = hop.scan_id
   WHERE sc.status IN ('completed', 'partial', 'failed', 'cancelled') ORDER BY sc.id LIMIT $2
), swept AS MATERIALIZED (
  SELECT id, sweep_slices(id, $1) AS count FROM ended
)
SELECT id, count FROM swept WHERE count > 0
