-- Rows whose names were confirmed to be gone. Staged once, however often a slice is walked.
INSERT INTO staged_removals (scan_id, library_id, kind, row_id, directory_id, name)
SELECT $1, $2, v.kind::"char", v.row_id, v.directory_id, v.name
  FROM unnest($3::text[], $4::bigint[], $5::bigint[], $6::bytea[]) AS v(kind, row_id, directory_id, name)
ON CONFLICT DO NOTHING
