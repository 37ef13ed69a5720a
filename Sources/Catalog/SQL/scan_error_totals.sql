-- The errors of scan $1 by type, those first of which there are most, with how many of each have rows. A scan that has
-- not committed anything has no totals, and shows the rows that were open in it.
SELECT coalesce(c.error_type, r.error_type), greatest(coalesce(c.total, 0), coalesce(r.rows, 0)), coalesce(r.rows, 0)
  FROM (SELECT error_type, total FROM scan_error_counts WHERE scan_id = $1 AND total > 0) c
  FULL JOIN (SELECT error_type, count(*) AS rows FROM scan_errors WHERE scan_id = $1 GROUP BY error_type) r
    ON r.error_type = c.error_type
 ORDER BY 2 DESC, 1
