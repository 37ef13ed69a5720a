-- An empty operation and an errno of 0 stand for none.
INSERT INTO scan_errors (scan_id, path, error_type, operation, errno, error_message)
SELECT $1, u.path, u.error_type, nullif(u.operation, ''), nullif(u.errno, 0), u.error_message
  FROM unnest($2::bytea[], $3::text[], $4::text[], $5::integer[], $6::text[]) AS u(path, error_type, operation, errno, error_message)
