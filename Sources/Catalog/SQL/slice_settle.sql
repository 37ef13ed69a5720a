-- The newest first: its frontier is to be visited first.
SELECT number
  FROM settle_slice($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, p_stays => $11, p_categories => $12, p_courses => $13,
                    p_ignored => $14, p_has_changes => $15) AS number ORDER BY number DESC
