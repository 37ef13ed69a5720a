-- Directories that could not be read, with the type of the error: what is known of them stays, and their next listing
-- is compared with every row. But where a mount is missing, nothing is known to be otherwise once it is back. With an
-- empty type: it is over, and a listing has said what there is.
UPDATE directories d
   SET unread = nullif(v.unread, ''), signature = CASE WHEN v.settled THEN d.signature END,
       signature_version = CASE WHEN v.settled THEN d.signature_version END
  FROM (SELECT id, unread, unread IN ('', 'mount_missing') AS settled
          FROM unnest($2::bigint[], $3::text[]) AS u(id, unread) ORDER BY id) v
 WHERE d.library_id = $1 AND d.id = v.id
   AND (coalesce(d.unread, '') <> v.unread OR NOT v.settled AND d.signature IS NOT NULL)
