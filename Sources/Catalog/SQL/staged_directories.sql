-- Which of the directories $2 scan $1 has staged.
SELECT row_id FROM staged_removals WHERE scan_id = $1 AND kind = 'd' AND row_id = ANY ($2)
