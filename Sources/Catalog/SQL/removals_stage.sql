-- Rows that are to go: `missing`, whose names were confirmed to be gone; `excluded`, which the rules do not admit;
-- `contents`, a directory that stays while all in it is excluded, where there is anything. Staged once, however
-- often a slice is walked.
INSERT INTO staged_removals (scan_id, library_id, kind, row_id, directory_id, name, excluded, stays)
SELECT $1, $2, v.kind::"char", v.row_id, v.directory_id, v.name, v.loss <> 'missing', v.loss = 'contents'
  FROM unnest($3::text[], $4::bigint[], $5::bigint[], $6::bytea[], $7::text[]) AS v(kind, row_id, directory_id, name, loss)
 WHERE v.loss <> 'contents'
    OR EXISTS (SELECT 1 FROM files u WHERE u.library_id = $2 AND u.directory_id = v.row_id AND u.removed_at IS NULL OFFSET 0)
    OR EXISTS (SELECT 1 FROM directories u WHERE u.library_id = $2 AND u.parent_id = v.row_id AND u.removed_at IS NULL OFFSET 0)
ON CONFLICT DO NOTHING
