-- Compares the catalogue after a round of scans, whose request ids are <library>/:turn, with what must be in it; a line
-- for each difference, a few of a kind. Then that is what is expected before the next round.

-- Whether an id survives a move: otherwise what was moved is another row in another place, and the row it had is gone.
\set moves false

-- The views' plans are costed far above what they take, which would have each of them compiled for seconds.
SET jit = off;

CREATE TEMPORARY TABLE scan AS
SELECT l.name AS library, s.* FROM scans s JOIN libraries l ON l.id = s.library_id
 WHERE s.request_id = l.name || '/' || :'turn';
CREATE TEMPORARY TABLE difference (library text, what text);

-- A path in one line.
CREATE FUNCTION pg_temp.shown(p_path bytea) RETURNS text LANGUAGE sql AS $$ SELECT to_json(encode(p_path, 'escape'))::text $$;

-- What went although it is there, and with it all below it, is excluded. What is not there may be excluded too, where
-- the rules would not have admitted it: then `is_excluded` is NULL.
CREATE FUNCTION pg_temp.is_excluded(p_library text, p_path bytea, p_is_directory boolean) RETURNS boolean LANGUAGE sql AS $$
  SELECT CASE WHEN EXISTS (
      SELECT 1 FROM oracle.barred b WHERE b.library = p_library
         AND (b.path = p_path AND b.is_directory = p_is_directory
              OR b.is_directory AND substring(p_path FOR length(b.path) + 1) = b.path || '\x2f')) THEN true
    WHEN (SELECT is_open FROM oracle.ruled r WHERE r.library = p_library) THEN false END $$;

-- What each file has come to, by the listing before and the listing now.
TRUNCATE oracle.change;
INSERT INTO oracle.change
SELECT library, path, CASE
    WHEN now.kind IS NULL THEN 'removed' WHEN before.kind IS NULL THEN 'added'
    WHEN (now.kind, now.size, now.mtime_ns, now.ctime_ns, now.inode, now.mode)
       = (before.kind, before.size, before.mtime_ns, before.ctime_ns, before.inode, before.mode) THEN 'unchanged'
    ELSE 'updated' END,
    CASE WHEN now.kind IS NULL THEN pg_temp.is_excluded(library, path, false) ELSE false END, coalesce(now.kind, before.kind)
  FROM (SELECT * FROM oracle.listing WHERE kind <> 'directory') now
  FULL JOIN (SELECT * FROM oracle.expected WHERE is_live AND NOT is_directory) before USING (library, path);
ANALYZE oracle.change;

-- The scan itself.
INSERT INTO difference
SELECT library, format('%s is %s and not %s', name, found, must) FROM scan
  JOIN oracle.ruled r USING (library)
  LEFT JOIN LATERAL (
    SELECT count(*) FILTER (WHERE change = 'added') AS added, count(*) FILTER (WHERE change = 'updated') AS updated,
           count(*) FILTER (WHERE change = 'unchanged') AS unchanged, count(*) FILTER (WHERE change = 'removed') AS removed
      FROM oracle.change c WHERE c.library = scan.library) f ON true
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
   ('files_added', files_added::text, f.added::text), ('files_updated', files_updated::text, f.updated::text),
   ('files_unchanged', files_unchanged::text, f.unchanged::text), ('files_removed', files_removed::text, f.removed::text),
   ('files_moved', files_moved::text, '0'), ('files_seen', files_seen::text, t.files::text),
   ('directories_seen', directories_seen::text, t.directories::text), ('bytes_seen', bytes_seen::text, coalesce(t.bytes, 0)::text),
   ('categories_found', categories_found::text, t.categories::text), ('courses_found', courses_found::text, t.courses::text),
   ('entries_ignored', entries_ignored::text, r.ignored::text)
 ) counter (name, found, must) WHERE found IS DISTINCT FROM must;

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

-- What is expected from now on.
UPDATE oracle.expected e
   SET is_live = false, is_excluded = pg_temp.is_excluded(e.library, e.path, e.is_directory), changed_scan = scan.id
  FROM scan WHERE scan.library = e.library AND e.is_live
   AND NOT EXISTS (SELECT 1 FROM oracle.listing n WHERE n.library = e.library AND n.path = e.path AND (n.kind = 'directory') = e.is_directory);
INSERT INTO oracle.expected
SELECT n.library, n.path, n.kind = 'directory', n.kind, size, mtime_ns, ctime_ns, inode, n.mode, files,
       least(bytes, 9223372036854775807), category, course, true, false, NULL, scan.id,
       -- That of a row which stays as it is: see below.
       CASE WHEN change = 'unchanged' THEN 0 ELSE scan.id END
  FROM oracle.listing n JOIN scan USING (library)
  LEFT JOIN oracle.change c ON c.library = n.library AND c.path = n.path AND n.kind <> 'directory'
ON CONFLICT (library, path, is_directory) DO UPDATE
   SET kind = excluded.kind, size = excluded.size, mtime_ns = excluded.mtime_ns, ctime_ns = excluded.ctime_ns,
       inode = excluded.inode, mode = excluded.mode, files = excluded.files, bytes = excluded.bytes, is_live = true, is_excluded = false,
       changed_scan = coalesce(nullif(excluded.changed_scan, 0), expected.changed_scan);

-- The catalogue, tombstones and all.
CREATE TEMPORARY TABLE file AS
SELECT f.library, f.path, f.name, f.kind, f.size, f.mtime_ns, f.ctime_ns, f.inode, f.mode, f.category, f.course, f.first_scan, f.changed_scan,
       f.removed_at IS NULL AS is_live, f.excluded AS is_excluded, f.id FROM catalog_files f WHERE f.library IN (SELECT library FROM scan);
CREATE TEMPORARY TABLE directory AS
SELECT d.library, d.path, d.inode, d.files, d.bytes, d.category, d.course, d.removed_at IS NULL AS is_live, d.excluded AS is_excluded, d.id
  FROM catalog_directories d WHERE d.library IN (SELECT library FROM scan);
ANALYZE file, directory, oracle.expected;

-- Where nobody else can know.
UPDATE oracle.expected e SET is_excluded = f.is_excluded
  FROM file f WHERE e.is_excluded IS NULL AND NOT e.is_directory AND e.library = f.library AND e.path = f.path;
UPDATE oracle.expected e SET is_excluded = d.is_excluded
  FROM directory d WHERE e.is_excluded IS NULL AND e.is_directory AND e.library = d.library AND e.path = d.path;
UPDATE oracle.change c SET is_excluded = e.is_excluded
  FROM oracle.expected e WHERE c.is_excluded IS NULL AND NOT e.is_directory AND c.library = e.library AND c.path = e.path;

WITH found AS MATERIALIZED (SELECT library, path, kind, size, mtime_ns, ctime_ns, inode, mode, category, course,
                                first_scan, changed_scan, is_live, is_excluded FROM file),
     must AS MATERIALIZED (SELECT library, path, kind, size, mtime_ns, ctime_ns, inode, mode,
                                  CASE WHEN layout <> 'flat' THEN convert_from(category, 'UTF8') END,
                                  CASE WHEN layout <> 'flat' THEN convert_from(course, 'UTF8') END,
                                  first_scan, changed_scan, is_live, is_excluded
                             FROM oracle.expected JOIN oracle.ruled USING (library) WHERE NOT is_directory)
INSERT INTO difference
SELECT library, 'file only in the catalogue: ' || a FROM (TABLE found EXCEPT ALL TABLE must) a
UNION ALL SELECT library, 'file that is not in the catalogue: ' || b FROM (TABLE must EXCEPT ALL TABLE found) b;

WITH found AS MATERIALIZED (SELECT library, path, inode, files, bytes::numeric, category, course, is_live, is_excluded FROM directory),
     must AS MATERIALIZED (SELECT library, path, inode, files, bytes,
                                  CASE WHEN layout <> 'flat' THEN convert_from(category, 'UTF8') END,
                                  CASE WHEN layout <> 'flat' THEN convert_from(course, 'UTF8') END, is_live, is_excluded
                             FROM oracle.expected JOIN oracle.ruled USING (library) WHERE is_directory)
INSERT INTO difference
SELECT library, 'directory only in the catalogue: ' || a FROM (TABLE found EXCEPT ALL TABLE must) a
UNION ALL SELECT library, 'directory that is not in the catalogue: ' || b FROM (TABLE must EXCEPT ALL TABLE found) b;

INSERT INTO difference
SELECT library, format('name of %s: %s', path, name) FROM file
 WHERE position('\x2f'::bytea IN name) > 0 OR right('/' || encode(path, 'escape'), length(encode(name, 'escape')) + 1) <> '/' || encode(name, 'escape');

INSERT INTO difference
SELECT library, format('%s has id %s and not %s', path, row.id, e.id)
  FROM (SELECT library, path, false AS is_directory, id FROM file UNION ALL SELECT library, path, true, id FROM directory) row
  JOIN oracle.expected e USING (library, path, is_directory) WHERE row.id <> e.id AND NOT :moves;
UPDATE oracle.expected e SET id = row.id
  FROM (SELECT library, path, false AS is_directory, id FROM file UNION ALL SELECT library, path, true, id FROM directory) row
 WHERE e.id IS NULL AND (e.library, e.path, e.is_directory) = (row.library, row.path, row.is_directory);

-- Which row is which entry. What lies behind a followed link is no entry of its own.
CREATE TEMPORARY TABLE known AS
SELECT i.library, i.serial, i.path, i.place, i.kind = 'directory' AS is_directory, row.id, row.inode, row.size, row.mtime_ns,
       count(*) OVER (PARTITION BY i.library, row.inode) = 1 AS is_alone
  FROM oracle.identity i
  JOIN (SELECT library, path, kind, id, inode, size, mtime_ns FROM file WHERE is_live
        UNION ALL SELECT library, path, 'directory', id, inode, NULL, NULL FROM directory WHERE is_live) row USING (library, path, kind)
 WHERE i.round = :turn;
ANALYZE known;

-- An entry that stays where it is keeps its id, and one that goes elsewhere too, where it can be told from all others:
-- no hard link, not edited. A directory always can.
INSERT INTO difference
SELECT library, format('entry that has lost its id: %s, then %s, has id %s and not %s', pg_temp.shown(h.path), pg_temp.shown(k.path), k.id, h.id)
  FROM known k JOIN oracle.holder h USING (library, serial)
 WHERE k.id <> h.id AND CASE WHEN :moves
   THEN h.round = :turn - 1 AND (k.path = h.path OR k.is_directory OR k.is_alone AND (k.inode, k.size, k.mtime_ns) = (h.inode, h.size, h.mtime_ns))
   ELSE k.path = h.path END;

-- No entry gets another's id, but with its name.
INSERT INTO difference
SELECT library, format('entry with the id of another: %s has id %s, that of %s', pg_temp.shown(k.path), k.id, pg_temp.shown(h.path))
  FROM known k JOIN oracle.holder h USING (library, id, is_directory)
 WHERE h.serial <> k.serial AND h.path <> k.path AND NOT (:moves AND h.place = k.place);

DELETE FROM oracle.holder h USING known k WHERE (h.library, h.serial) = (k.library, k.serial);
DELETE FROM oracle.holder h USING known k WHERE (h.library, h.id, h.is_directory) = (k.library, k.id, k.is_directory);
INSERT INTO oracle.holder
SELECT library, serial, id, is_directory, path, place, :turn, inode, size, mtime_ns FROM known;
ANALYZE oracle.holder;

-- What `changes` says, where it was asked.
WITH found AS MATERIALIZED (
  SELECT library, coalesce(decode(c->>'path_base64', 'base64'), convert_to(c->>'path', 'UTF8')) AS path, c->>'change' AS change,
         (c->>'excluded')::boolean AS is_excluded, c->>'kind' AS kind, (c->>'id')::bigint AS id
    FROM oracle.told CROSS JOIN LATERAL jsonb_array_elements(changes) c),
must AS MATERIALIZED (
  SELECT c.library, c.path, c.change, c.is_excluded, c.kind, e.id
    FROM oracle.change c JOIN oracle.expected e ON e.library = c.library AND e.path = c.path AND NOT e.is_directory
   WHERE c.change <> 'unchanged' AND c.library IN (SELECT library FROM oracle.told))
INSERT INTO difference
SELECT library, 'change only in what is told: ' || a FROM (TABLE found EXCEPT ALL TABLE must) a
UNION ALL SELECT library, 'change that is not told: ' || b FROM (TABLE must EXCEPT ALL TABLE found) b;

SELECT library || ': ' || what FROM (
  SELECT *, row_number() OVER (PARTITION BY library, split_part(what, ':', 1)) AS place FROM difference) d
 WHERE place <= 3 ORDER BY 1;
