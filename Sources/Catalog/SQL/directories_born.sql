-- Live directories that scans before $2 knew in library $1, by inode and birth time, or by inode where neither has a
-- birth time, with the place of each among the given; two of one at most, which is one too many. No boundaries and
-- nothing that a link leads to.
SELECT w.place, c.* FROM unnest($3::bigint[], $4::bigint[]) WITH ORDINALITY AS w(inode, btime_ns, place) CROSS JOIN LATERAL (
  (SELECT d.parent_id, d.name, d.id, d.device, d.inode, d.mode, d.mtime_ns, d.ctime_ns, d.btime_ns, d.boundary, d.files,
          d.bytes, d.signature, d.signature_version, d.followed, d.errors::text, d.unread
     FROM directories d
    WHERE d.library_id = $1 AND d.btime_ns = w.btime_ns AND d.inode = w.inode AND d.removed_at IS NULL
      AND d.first_scan <> $2 AND d.parent_id IS NOT NULL AND NOT d.boundary AND NOT d.followed
    LIMIT 2)
  UNION ALL
  (SELECT d.parent_id, d.name, d.id, d.device, d.inode, d.mode, d.mtime_ns, d.ctime_ns, d.btime_ns, d.boundary, d.files,
          d.bytes, d.signature, d.signature_version, d.followed, d.errors::text, d.unread
     FROM directories d
    WHERE w.btime_ns IS NULL AND d.library_id = $1 AND d.btime_ns IS NULL AND d.inode = w.inode AND d.removed_at IS NULL
      AND d.first_scan <> $2 AND d.parent_id IS NOT NULL AND NOT d.boundary AND NOT d.followed
    LIMIT 2)) c
