-- What is known of one directory; no row where it is this scan's own, or where no scan has been yet.
SELECT d.parent_id, d.name, d.id, d.device, d.inode, d.mode, d.mtime_ns, d.ctime_ns, d.btime_ns, d.boundary, d.files,
       d.bytes, d.signature, d.signature_version, d.followed, d.errors::text, d.unread
  FROM directories d WHERE d.library_id = $1 AND d.id = $2 AND d.first_scan <> $3
