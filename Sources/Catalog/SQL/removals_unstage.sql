-- What scan $1 has staged and then met: directories $2, files $3.
DELETE FROM staged_removals
 WHERE scan_id = $1 AND NOT excluded AND (kind = 'd' AND row_id = ANY ($2) OR kind = 'f' AND row_id = ANY ($3))
