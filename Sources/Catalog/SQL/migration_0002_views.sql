-- The two views of the public interface, and how a path becomes text.

-- A path for people: as it is where it is UTF-8; otherwise bytes outside ASCII as \ooo and backslashes
-- doubled. Unsafe in parallel plans, as its exception block needs a subtransaction.
CREATE FUNCTION rollcall_text(path bytea) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
  RETURN convert_from(path, 'UTF8');
EXCEPTION WHEN character_not_in_repertoire OR untranslatable_character THEN
  RETURN encode(path, 'escape');
END $$;

-- Paths are computed from the chain of names, one library at a time, so that a query about one library
-- does not walk the directories of the others. OFFSET 0 makes the planner look children up by their
-- parent: before a new partition's first ANALYZE it takes the partition for almost empty, and would read
-- all of it once for every level of the tree.
CREATE VIEW catalog_directories AS
SELECT l.name AS library, d.path, rollcall_text(d.path) AS path_text, d.id, d.inode, d.files, d.bytes,
       NULL::text AS category, NULL::text AS course, d.removed_at
  FROM libraries l
 CROSS JOIN LATERAL (
   WITH RECURSIVE tree AS (
     SELECT r.id, r.name AS path, r.inode, r.files, r.bytes, r.removed_at
       FROM directories r WHERE r.library_id = l.id AND r.parent_id IS NULL
     UNION ALL
     SELECT c.id, CASE WHEN t.path = ''::bytea THEN c.name ELSE t.path || '\x2f'::bytea || c.name END,
            c.inode, c.files, c.bytes, c.removed_at
       FROM tree t CROSS JOIN LATERAL (
         SELECT * FROM directories u WHERE u.library_id = l.id AND u.parent_id = t.id OFFSET 0) c
   ) SELECT * FROM tree
 ) d;

CREATE VIEW catalog_files AS
SELECT l.name AS library, f.path, rollcall_text(f.path) AS path_text, f.name,
       CASE f.kind WHEN 'f' THEN 'file' WHEN 'l' THEN 'symlink' WHEN 'p' THEN 'fifo' WHEN 's' THEN 'socket'
                   WHEN 'b' THEN 'block' WHEN 'c' THEN 'char' END AS kind,
       f.size, f.mtime_ns, f.ctime_ns, f.inode, f.mode, NULL::text AS category, NULL::text AS course,
       f.id, f.first_scan, f.changed_scan, f.removed_at
  FROM libraries l
 CROSS JOIN LATERAL (
   WITH RECURSIVE tree AS (
     SELECT r.id, r.name AS path FROM directories r WHERE r.library_id = l.id AND r.parent_id IS NULL
     UNION ALL
     SELECT c.id, CASE WHEN t.path = ''::bytea THEN c.name ELSE t.path || '\x2f'::bytea || c.name END
       FROM tree t CROSS JOIN LATERAL (
         SELECT * FROM directories u WHERE u.library_id = l.id AND u.parent_id = t.id OFFSET 0) c
   )
   SELECT CASE WHEN d.path = ''::bytea THEN e.name ELSE d.path || '\x2f'::bytea || e.name END AS path, e.*
     FROM tree d JOIN files e ON e.library_id = l.id AND e.directory_id = d.id
 ) f;

-- A scan as the program shows it.
CREATE VIEW scan_records AS
SELECT s.id, s.library_id, l.name AS library, s.root_path, s.mode, s.status, s.requested_by, s.requested_through,
       s.request_id, s.requested_at, s.started_at, s.completed_at, s.categories_found, s.courses_found,
       s.directories_seen, s.files_seen, s.files_added, s.files_updated, s.files_moved, s.files_unchanged,
       s.files_removed, s.removals_held, s.bytes_seen::text AS bytes_seen, s.errors_count, s.slices_redone,
       s.message, s.error_message, s.queue, s.max_parallel
  FROM scans s JOIN libraries l ON l.id = s.library_id;
