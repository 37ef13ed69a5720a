-- Compares the catalogue after a round of scans, whose request ids are <library>/:turn, with what must be in it; a line
-- for each difference, a few of a kind.

-- The views' plans are costed far above what they take, which would have each of them compiled for seconds.
SET jit = off;

CREATE TEMPORARY TABLE scan AS
SELECT l.name AS library, s.* FROM scans s JOIN libraries l ON l.id = s.library_id
 WHERE s.request_id = l.name || '/' || :'turn';
CREATE TEMPORARY TABLE difference (library text, what text);

-- A path in one line.
CREATE FUNCTION pg_temp.shown(p_path bytea) RETURNS text LANGUAGE sql AS $$ SELECT to_json(encode(p_path, 'escape'))::text $$;

-- The scan itself. Where rules keep something out, what must have come, changed, moved and gone is known in all only.
INSERT INTO difference
SELECT library, format('%s is %s and not %s', name, found, must) FROM scan
  JOIN oracle.ruled r USING (library)
  LEFT JOIN oracle.counter f USING (library)
  LEFT JOIN oracle.held h USING (library)
  LEFT JOIN LATERAL (
    SELECT count(*) FILTER (WHERE files IS NOT NULL) AS directories, count(*) FILTER (WHERE kind <> 'directory') AS files,
           sum(size) FILTER (WHERE kind <> 'directory') AS bytes,
           count(*) FILTER (WHERE kind = 'directory' AND category IS NOT NULL AND course IS NULL AND r.layout <> 'flat') AS categories,
           count(*) FILTER (WHERE kind = 'directory' AND course IS NOT NULL AND position('\x2f'::bytea IN substring(path FROM
             position('\x2f'::bytea IN path) + 1)) = 0 AND r.layout <> 'flat') AS courses
      FROM oracle.listing n WHERE n.library = scan.library) t ON true
  LEFT JOIN LATERAL (SELECT count(*) AS errors FROM oracle.error e WHERE e.library = scan.library) e ON true
 CROSS JOIN LATERAL (VALUES
   ('status', status, CASE WHEN e.errors > 0 THEN 'partial' ELSE 'completed' END), ('errors_count', errors_count::text, e.errors::text),
   ('open_slices', open_slices::text, '0'), ('removals_held', removals_held::text, '0'), ('slices_redone', slices_redone::text, '0'),
   ('files_added', files_added::text, coalesce(f.added, files_added)::text),
   ('files_updated', files_updated::text, coalesce(f.updated, files_updated)::text),
   ('files_unchanged', files_unchanged::text, coalesce(f.unchanged, files_unchanged)::text),
   ('files_removed', files_removed::text, coalesce(f.removed, files_removed)::text),
   ('files_moved', files_moved::text, coalesce(f.moved, files_moved)::text),
   ('directories_moved', scan.directories_moved::text, coalesce(f.directories_moved, scan.directories_moved)::text),
   ('all that was seen', (files_added + files_updated + files_moved + files_unchanged)::text, t.files::text),
   ('what came less what went', (files_added - files_removed)::text, (t.files - coalesce(h.files, 0))::text),
   ('files_seen', files_seen::text, t.files::text),
   ('directories_seen', directories_seen::text, t.directories::text), ('bytes_seen', bytes_seen::text, coalesce(t.bytes, 0)::text),
   ('categories_found', categories_found::text, t.categories::text), ('courses_found', courses_found::text, t.courses::text),
   ('entries_ignored', entries_ignored::text, r.ignored::text)
 ) counter (name, found, must) WHERE found IS DISTINCT FROM must;
DELETE FROM oracle.held h USING scan WHERE h.library = scan.library;
INSERT INTO oracle.held
SELECT library, count(*) FROM oracle.listing JOIN scan USING (library) WHERE kind <> 'directory' GROUP BY library;

-- The errors, by their rows and in all. In the midst of a scan those of the last one may be open beside its own.
INSERT INTO oracle.error_total AS t
SELECT library, error_type, count(*), count(*) > 1000 FROM oracle.error GROUP BY 1, 2
ON CONFLICT (library, error_type) DO UPDATE SET total = excluded.total, is_crowded = t.is_crowded OR t.total + excluded.total > 1000;
UPDATE oracle.error_total t SET total = 0
  FROM scan WHERE scan.library = t.library
   AND NOT EXISTS (SELECT 1 FROM oracle.error e WHERE e.library = t.library AND e.error_type = t.error_type);
CREATE TEMPORARY TABLE error AS
SELECT scan.library, e.path, e.error_type FROM scan JOIN scan_errors e ON e.scan_id = scan.id;
INSERT INTO difference
SELECT library, format('error only in the catalogue: %s of %s', error_type, pg_temp.shown(path))
  FROM (TABLE error EXCEPT ALL TABLE oracle.error) a
UNION ALL
SELECT library, format('error that is not in the catalogue: %s of %s', error_type, pg_temp.shown(path))
  FROM (TABLE oracle.error EXCEPT ALL TABLE error) b JOIN oracle.error_total USING (library, error_type) WHERE NOT is_crowded
UNION ALL
SELECT library, format('errors of type %s are %s, with %s rows, and not %s', error_type, coalesce(found, 0), coalesce(rows, 0), coalesce(must, 0))
  FROM (SELECT scan.library, c.error_type, c.total AS found FROM scan JOIN scan_error_counts c ON c.scan_id = scan.id) f
  FULL JOIN (SELECT t.library, t.error_type, t.total AS must FROM oracle.error_total t JOIN scan USING (library)) m USING (library, error_type)
  LEFT JOIN (SELECT library, error_type, count(*) AS rows FROM error GROUP BY 1, 2) r USING (library, error_type)
 WHERE coalesce(found, 0) <> coalesce(must, 0) OR rows > 1000;

-- The catalogue, tombstones and all.
CREATE TEMPORARY TABLE file AS
SELECT f.library, f.path, f.name, f.kind, f.size, f.mtime_ns, f.ctime_ns, f.inode, f.mode, f.category, f.course, f.first_scan, f.changed_scan,
       f.removed_at IS NULL AS is_live, f.excluded AS is_excluded, f.id FROM catalog_files f WHERE f.library IN (SELECT library FROM scan);
CREATE TEMPORARY TABLE directory AS
SELECT d.library, d.path, d.inode, d.files, d.bytes, d.category, d.course, d.removed_at IS NULL AS is_live, d.excluded AS is_excluded, d.id
  FROM catalog_directories d WHERE d.library IN (SELECT library FROM scan);
ANALYZE file, directory;

-- Each row is the same for ever: the first time that it is there its id is taken.
INSERT INTO oracle.row_id
SELECT m.library, m.is_directory, m.key, row.id FROM oracle.row m
  JOIN (SELECT library, path, false AS is_directory, id FROM file WHERE is_live
        UNION ALL SELECT library, path, true, id FROM directory WHERE is_live) row USING (library, path, is_directory)
 WHERE m.is_live
ON CONFLICT DO NOTHING;
CREATE TEMPORARY TABLE due AS
SELECT m.*, i.id, (SELECT s.id FROM scans s WHERE s.request_id = m.library || '/' || m.first_round) AS first_scan,
       (SELECT s.id FROM scans s WHERE s.request_id = m.library || '/' || m.changed_round) AS changed_scan
  FROM oracle.row m LEFT JOIN oracle.row_id i USING (library, is_directory, key);
ANALYZE due, oracle.row_id;

WITH found AS MATERIALIZED (
  SELECT library, path, id, kind, size, mtime_ns, ctime_ns, inode, mode, first_scan, changed_scan, is_live, is_excluded
    FROM file WHERE library IN (SELECT library FROM oracle.counter)),
must AS MATERIALIZED (
  SELECT library, path, id, kind, size, mtime_ns, ctime_ns, inode, mode, first_scan, changed_scan, is_live, false
    FROM due WHERE NOT is_directory)
INSERT INTO difference
SELECT library, 'file only in the catalogue: ' || a FROM (TABLE found EXCEPT ALL TABLE must) a
UNION ALL SELECT library, 'file that is not in the catalogue: ' || b FROM (TABLE must EXCEPT ALL TABLE found) b;

WITH found AS MATERIALIZED (
  SELECT library, path, id, inode, files, bytes::numeric, is_live, is_excluded
    FROM directory WHERE library IN (SELECT library FROM oracle.counter)),
must AS MATERIALIZED (
  SELECT library, path, id, inode, files, least(bytes, 9223372036854775807), is_live, false FROM due WHERE is_directory)
INSERT INTO difference
SELECT library, 'directory only in the catalogue: ' || a FROM (TABLE found EXCEPT ALL TABLE must) a
UNION ALL SELECT library, 'directory that is not in the catalogue: ' || b FROM (TABLE must EXCEPT ALL TABLE found) b;

-- What is live, in every library.
WITH found AS MATERIALIZED (
  SELECT library, path, kind, size, mtime_ns, ctime_ns, inode, mode, category, course FROM file WHERE is_live),
must AS MATERIALIZED (
  SELECT library, path, kind, size, mtime_ns, ctime_ns, inode, mode, CASE WHEN layout <> 'flat' THEN convert_from(category, 'UTF8') END,
         CASE WHEN layout <> 'flat' THEN convert_from(course, 'UTF8') END
    FROM oracle.listing JOIN oracle.ruled USING (library) WHERE library IN (SELECT library FROM scan) AND kind <> 'directory')
INSERT INTO difference
SELECT library, 'live file only in the catalogue: ' || a FROM (TABLE found EXCEPT ALL TABLE must) a
UNION ALL SELECT library, 'live file that is not in the catalogue: ' || b FROM (TABLE must EXCEPT ALL TABLE found) b;

WITH found AS MATERIALIZED (
  SELECT library, path, inode, files, bytes::numeric, category, course FROM directory WHERE is_live),
must AS MATERIALIZED (
  SELECT library, path, inode, files, least(bytes, 9223372036854775807), CASE WHEN layout <> 'flat' THEN convert_from(category, 'UTF8') END,
         CASE WHEN layout <> 'flat' THEN convert_from(course, 'UTF8') END
    FROM oracle.listing JOIN oracle.ruled USING (library) WHERE library IN (SELECT library FROM scan) AND kind = 'directory')
INSERT INTO difference
SELECT library, 'live directory only in the catalogue: ' || a FROM (TABLE found EXCEPT ALL TABLE must) a
UNION ALL SELECT library, 'live directory that is not in the catalogue: ' || b FROM (TABLE must EXCEPT ALL TABLE found) b;

INSERT INTO difference
SELECT library, format('name of %s: %s', path, name) FROM file
 WHERE position('\x2f'::bytea IN name) > 0 OR right('/' || encode(path, 'escape'), length(encode(name, 'escape')) + 1) <> '/' || encode(name, 'escape');

-- Where rules keep something out: which row is which entry. What lies behind a followed link is no entry of its own.
CREATE TEMPORARY TABLE known AS
SELECT i.library, i.serial, i.path, i.place, i.kind = 'directory' AS is_directory, row.id, row.inode, row.size, row.mtime_ns,
       count(*) OVER (PARTITION BY i.library, row.inode) = 1 AS is_alone
  FROM oracle.identity i
  JOIN (SELECT library, path, kind, id, inode, size, mtime_ns FROM file WHERE is_live
        UNION ALL SELECT library, path, 'directory', id, inode, NULL, NULL FROM directory WHERE is_live) row USING (library, path, kind)
 WHERE i.round = :turn AND i.library NOT IN (SELECT library FROM oracle.counter);
ANALYZE known;

-- An entry that stays where it is keeps its id, if it can be told from all others: no hard link.
INSERT INTO difference
SELECT library, format('entry that has lost its id: %s, then %s, has id %s and not %s', pg_temp.shown(h.path), pg_temp.shown(k.path), k.id, h.id)
  FROM known k JOIN oracle.holder h USING (library, serial)
 WHERE k.id <> h.id AND h.round = :turn - 1 AND h.place = k.place AND NOT k.is_directory AND k.is_alone;

-- No entry gets another's id, but with its name, and a hard link that of another name of its file.
INSERT INTO difference
SELECT library, format('entry with the id of another: %s has id %s, that of %s', pg_temp.shown(k.path), k.id, pg_temp.shown(h.path))
  FROM known k JOIN oracle.holder h USING (library, id, is_directory)
 WHERE h.serial <> k.serial AND h.path <> k.path AND h.place <> k.place AND h.inode <> k.inode AND h.round = :turn - 1;

-- What the rules have come to keep out is gone for that.
INSERT INTO difference
SELECT library, format('is kept out, and not excluded: %s', pg_temp.shown(path))
  FROM oracle.barred b JOIN scan USING (library)
 WHERE EXISTS (
   SELECT 1 FROM oracle.identity i JOIN oracle.holder h USING (library, serial, place, path)
    WHERE i.library = b.library AND i.round = :turn AND i.path = b.path AND h.round = :turn - 1 AND h.is_directory = b.is_directory)
   AND NOT EXISTS (
   SELECT 1 FROM file f WHERE f.library = b.library AND f.path = b.path AND f.is_excluded AND NOT f.is_live AND NOT b.is_directory)
   AND NOT EXISTS (
   SELECT 1 FROM directory d WHERE d.library = b.library AND d.path = b.path AND d.is_excluded AND NOT d.is_live AND b.is_directory);

DELETE FROM oracle.holder h USING known k WHERE (h.library, h.serial) = (k.library, k.serial);
DELETE FROM oracle.holder h USING known k WHERE (h.library, h.id, h.is_directory) = (k.library, k.id, k.is_directory);
INSERT INTO oracle.holder
SELECT library, serial, id, is_directory, path, place, :turn, inode, size, mtime_ns FROM known;
ANALYZE oracle.holder;

-- What `changes` says, where it was asked.
CREATE TEMPORARY TABLE told AS
SELECT library, c->>'change' AS change, (c->>'excluded')::boolean AS is_excluded, c->>'kind' AS kind, (c->>'id')::bigint AS id,
       coalesce(decode(c->>'path_base64', 'base64'), convert_to(c->>'path', 'UTF8')) AS path,
       coalesce(decode(c->>'from_path_base64', 'base64'), convert_to(c->>'from_path', 'UTF8')) AS origin
  FROM oracle.told CROSS JOIN LATERAL jsonb_array_elements(changes) c;
ANALYZE told;
WITH found AS MATERIALIZED (
  SELECT library, change, is_excluded, kind, id, path, origin FROM told WHERE library IN (SELECT library FROM oracle.counter)),
must AS MATERIALIZED (
  SELECT d.library, d.change, false, d.kind, i.id, d.path, d.origin
    FROM oracle.deed d LEFT JOIN oracle.row_id i ON i.library = d.library AND i.key = d.key AND i.is_directory = (d.kind = 'directory')
   WHERE d.library IN (SELECT library FROM oracle.told))
INSERT INTO difference
SELECT library, 'change only in what is told: ' || a FROM (TABLE found EXCEPT ALL TABLE must) a
UNION ALL SELECT library, 'change that is not told: ' || b FROM (TABLE must EXCEPT ALL TABLE found) b;
INSERT INTO difference
SELECT library, format('%s are %s in what is told and %s in the scan', change, found, must) FROM scan
  JOIN oracle.told USING (library)
 CROSS JOIN LATERAL (VALUES ('added', files_added), ('updated', files_updated), ('moved', files_moved), ('removed', files_removed)) c (change, must)
 CROSS JOIN LATERAL (
   SELECT count(*) AS found FROM told t WHERE t.library = scan.library AND t.change = c.change AND t.kind <> 'directory') f
 WHERE found <> must
UNION ALL
SELECT library, format('told as %s, and not so in the catalogue: %s', t.change, t) FROM told t
 WHERE NOT EXISTS (
   SELECT 1 FROM file f WHERE (f.library, f.id, f.path, f.kind) = (t.library, t.id, t.path, t.kind) AND f.is_live = (t.change <> 'removed')
      AND f.is_excluded = t.is_excluded)
   AND NOT EXISTS (
   SELECT 1 FROM directory d WHERE (d.library, d.id, d.path, 'directory') = (t.library, t.id, t.path, t.kind) AND d.is_live);

SELECT library || ': ' || what FROM (
  SELECT *, row_number() OVER (PARTITION BY library, split_part(what, ':', 1)) AS place FROM difference) d
 WHERE place <= 3 ORDER BY 1;
