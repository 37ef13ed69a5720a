SELECT a.outcome, r.* FROM admit_scan($1, $2, $3, $4, $5, $6) a LEFT JOIN scan_records r ON r.id = a.scan_id
