-- Directories that could not be read, with the type of the error: what is known of them stays, and their next listing
-- is compared with every row. With an empty type: it is over, and a listing has said what there is.
UPDATE directories d
   SET unread = nullif(v.unread, ''), signature = CASE v.unread WHEN '' THEN d.signature END,
       signature_version = CASE v.unread WHEN '' THEN d.signature_version END
  FROM (SELECT id, unread FROM unnest($2::bigint[], $3::text[]) AS u(id, unread) ORDER BY id) v
 WHERE d.library_id = $1 AND d.id = v.id
   AND (coalesce(d.unread, '') <> v.unread OR v.unread <> '' AND d.signature IS NOT NULL)
