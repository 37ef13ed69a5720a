-- The views name category and course by the layout under which the rows were judged.

-- The two views of the public interface, as before but for the layout: it is that of the library's last scan that got
-- to its end, as long as the next one has not, whatever the rules say by now. Before any has, it is that of the rules.
-- OFFSET 0 keeps the layout from being looked up at each level of each directory.
CREATE OR REPLACE VIEW catalog_directories AS
SELECT l.name AS library, d.path, rollcall_text(d.path) AS path_text, d.id, d.inode, d.files, d.bytes,
       d.category, d.course, d.removed_at, d.excluded
  FROM libraries l
 CROSS JOIN LATERAL (
   SELECT coalesce(
     (SELECT coalesce(s.rules->>'layout', 'flat') FROM scans s
       WHERE s.library_id = l.id AND s.status IN ('completed', 'partial') ORDER BY s.id DESC LIMIT 1),
     l.rules->>'layout') AS layout OFFSET 0) j
 CROSS JOIN LATERAL (
   WITH RECURSIVE tree AS (
     SELECT r.id, r.name AS path, NULL::text AS category, NULL::text AS course, r.inode, r.files, r.bytes, r.removed_at, r.excluded
       FROM directories r WHERE r.library_id = l.id AND r.parent_id IS NULL
     UNION ALL
     SELECT c.id, CASE WHEN t.path = ''::bytea THEN c.name ELSE t.path || '\x2f'::bytea || c.name END,
            CASE WHEN j.layout = 'category/course' THEN coalesce(t.category, rollcall_text(c.name)) END,
            CASE WHEN t.category IS NOT NULL THEN coalesce(t.course, rollcall_text(c.name)) END,
            c.inode, c.files, c.bytes, c.removed_at, c.excluded
       FROM tree t CROSS JOIN LATERAL (
         SELECT * FROM directories u WHERE u.library_id = l.id AND u.parent_id = t.id OFFSET 0) c
   ) SELECT * FROM tree
 ) d;

CREATE OR REPLACE VIEW catalog_files AS
SELECT l.name AS library, f.path, rollcall_text(f.path) AS path_text, f.name,
       CASE f.kind WHEN 'f' THEN 'file' WHEN 'l' THEN 'symlink' WHEN 'p' THEN 'fifo' WHEN 's' THEN 'socket'
                   WHEN 'b' THEN 'block' WHEN 'c' THEN 'char' END AS kind,
       f.size, f.mtime_ns, f.ctime_ns, f.inode, f.mode, f.category, f.course,
       f.id, f.first_scan, f.changed_scan, f.removed_at, f.excluded
  FROM libraries l
 CROSS JOIN LATERAL (
   SELECT coalesce(
     (SELECT coalesce(s.rules->>'layout', 'flat') FROM scans s
       WHERE s.library_id = l.id AND s.status IN ('completed', 'partial') ORDER BY s.id DESC LIMIT 1),
     l.rules->>'layout') AS layout OFFSET 0) j
 CROSS JOIN LATERAL (
   WITH RECURSIVE tree AS (
     SELECT r.id, r.name AS path, NULL::text AS category, NULL::text AS course
       FROM directories r WHERE r.library_id = l.id AND r.parent_id IS NULL
     UNION ALL
     SELECT c.id, CASE WHEN t.path = ''::bytea THEN c.name ELSE t.path || '\x2f'::bytea || c.name END,
            CASE WHEN j.layout = 'category/course' THEN coalesce(t.category, rollcall_text(c.name)) END,
            CASE WHEN t.category IS NOT NULL THEN coalesce(t.course, rollcall_text(c.name)) END
       FROM tree t CROSS JOIN LATERAL (
         SELECT * FROM directories u WHERE u.library_id = l.id AND u.parent_id = t.id OFFSET 0) c
   )
   SELECT CASE WHEN d.path = ''::bytea THEN e.name ELSE d.path || '\x2f'::bytea || e.name END AS path,
          d.category, d.course, e.*
     FROM tree d JOIN files e ON e.library_id = l.id AND e.directory_id = d.id
 ) f;
