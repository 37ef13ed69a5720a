-- The views name category and course by the layout under which the rows were judged; and a chain of directories is
-- removed in a few batches, however deep it is.

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

-- For remove_staged: the next step of the deepest staged directories, at most p_limit of them and of their files.
-- Their directories go before them: in a first step all that lie below are staged, as far as 10 * p_limit reach, and
-- in a later one whole branches of them become tombstones at once. Returns how many files went.
CREATE OR REPLACE FUNCTION remove_staged_directories(p_scan bigint, p_excluded boolean, p_limit integer) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
  -- A directory of more files than this notes how far it has come.
  c_large   CONSTANT integer := 100;
  v_library bigint := (SELECT library_id FROM scans WHERE id = p_scan);
  v_batch   bigint[];
  -- Of the batch: those of which only what lies in them goes, all others, and those that cannot go yet.
  v_stay    bigint[];
  v_going   bigint[];
  v_kept    bigint[];
  v_files   bigint;
  v_large   bigint[];
  v_after   bytea[];
  -- Directories that have lost files.
  v_touched bigint[];
BEGIN
  v_batch := ARRAY(
    SELECT row_id FROM staged_removals WHERE scan_id = p_scan AND kind = 'd' AND excluded = p_excluded
     ORDER BY below DESC, row_id LIMIT p_limit);

  -- What is a tombstone by now, or lies elsewhere.
  DELETE FROM staged_removals s
   WHERE s.scan_id = p_scan AND s.kind = 'd' AND s.row_id = ANY (v_batch) AND NOT EXISTS (
     SELECT 1 FROM directories d
      WHERE d.library_id = v_library AND d.id = s.row_id AND d.parent_id = s.directory_id AND d.name = s.name
        AND d.removed_at IS NULL OFFSET 0);

  WITH gone AS (
    UPDATE files f SET removed_at = now(), excluded = p_excluded, changed_scan = p_scan
     WHERE f.library_id = v_library AND f.ctid = ANY (ARRAY(
       SELECT t.ctid FROM staged_removals s CROSS JOIN LATERAL (
         SELECT u.ctid FROM files u
          WHERE u.library_id = v_library AND u.directory_id = s.row_id AND u.name > s.after AND u.removed_at IS NULL
          ORDER BY u.name LIMIT p_limit) t
        WHERE s.scan_id = p_scan AND s.kind = 'd' AND s.row_id = ANY (v_batch)
        LIMIT p_limit))
    RETURNING f.id, f.directory_id, f.name, f.kind
  ), noted AS (
    INSERT INTO scan_changes (library_id, scan_id, change, kind, file_id, directory_id, name)
    SELECT v_library, p_scan, CASE WHEN p_excluded THEN 'x'::"char" ELSE 'r' END, kind, id, directory_id, name FROM gone
    ON CONFLICT DO NOTHING
  ), counted AS (
    SELECT directory_id, count(*) AS files, (array_agg(name ORDER BY name DESC))[1] AS last FROM gone GROUP BY directory_id
  )
  SELECT coalesce(sum(c.files), 0), array_agg(c.directory_id) FILTER (WHERE c.files > c_large),
         array_agg(c.last) FILTER (WHERE c.files > c_large), array_agg(c.directory_id)
    INTO v_files, v_large, v_after, v_touched FROM counted c;
  FOR i IN 1 .. coalesce(cardinality(v_large), 0) LOOP
    UPDATE staged_removals SET after = v_after[i] WHERE scan_id = p_scan AND kind = 'd' AND row_id = v_large[i];
  END LOOP;
  IF v_files = p_limit THEN
    -- Not one of them needs to become a tombstone: the rest may be held for good.
    UPDATE directories d SET signature = NULL, signature_version = NULL
     WHERE d.library_id = v_library AND d.signature IS NOT NULL AND d.id = ANY (v_touched);
    RETURN v_files;
  END IF;

  -- No file is left: their directories go before them, level by level. One that is staged already goes no later than
  -- these, and for the same reason; what lies below it is left to its own turn. (A kind that is no constant here keeps
  -- the planner to the key, which knows no better while the table is small.)
  INSERT INTO staged_removals (scan_id, library_id, kind, row_id, directory_id, name, below, excluded)
  WITH RECURSIVE branch AS (
    SELECT d.* FROM staged_removals s CROSS JOIN LATERAL (
      SELECT s.kind, u.id, u.parent_id, u.name, s.below + 1 AS below FROM directories u
       WHERE u.library_id = v_library AND u.parent_id = s.row_id AND u.removed_at IS NULL LIMIT 10 * p_limit) d
     WHERE s.scan_id = p_scan AND s.kind = 'd' AND s.row_id = ANY (v_batch)
    UNION ALL
    SELECT d.* FROM branch b CROSS JOIN LATERAL (
      SELECT b.kind, u.id, u.parent_id, u.name, b.below + 1 AS below FROM directories u
       WHERE u.library_id = v_library AND u.parent_id = b.id AND u.removed_at IS NULL LIMIT 10 * p_limit) d
     WHERE NOT EXISTS (
       SELECT 1 FROM staged_removals s WHERE s.scan_id = p_scan AND s.kind = b.kind AND s.row_id = b.id OFFSET 0)
  )
  SELECT p_scan, v_library, b.kind, b.id, b.parent_id, b.name, b.below, p_excluded FROM branch b LIMIT 10 * p_limit
  ON CONFLICT (scan_id, kind, row_id) DO UPDATE
     SET below = greatest(staged_removals.below, excluded.below), excluded = excluded.excluded, stays = false
   WHERE staged_removals.below < excluded.below OR staged_removals.excluded <> excluded.excluded OR staged_removals.stays;

  v_stay := ARRAY(
    SELECT s.row_id FROM staged_removals s
     WHERE s.scan_id = p_scan AND s.kind = 'd' AND s.row_id = ANY (v_batch) AND s.stays);
  v_going := ARRAY(
    SELECT s.row_id FROM staged_removals s
     WHERE s.scan_id = p_scan AND s.kind = 'd' AND s.row_id = ANY (v_batch) AND NOT s.stays);
  -- Not one that holds a live file, or a live directory that does not go in this step, and none above such a one.
  v_kept := ARRAY(
    WITH RECURSIVE kept AS (
      SELECT s.kind, s.row_id, s.directory_id FROM staged_removals s
       WHERE s.scan_id = p_scan AND s.kind = 'd' AND s.row_id = ANY (v_batch)
         AND (EXISTS (
                SELECT 1 FROM files u
                 WHERE u.library_id = v_library AND u.directory_id = s.row_id AND u.removed_at IS NULL OFFSET 0)
           OR EXISTS (
                SELECT 1 FROM directories u
                 WHERE u.library_id = v_library AND u.parent_id = s.row_id AND u.removed_at IS NULL
                   AND u.id <> ALL (v_going) OFFSET 0))
      UNION
      SELECT a.* FROM kept k CROSS JOIN LATERAL (
        SELECT s.kind, s.row_id, s.directory_id FROM staged_removals s
         WHERE s.scan_id = p_scan AND s.kind = k.kind AND s.row_id = k.directory_id OFFSET 0) a
       WHERE a.row_id = ANY (v_batch)
    ) SELECT k.row_id FROM kept k);
  v_batch := ARRAY(
    SELECT s.row_id FROM staged_removals s
     WHERE s.scan_id = p_scan AND s.kind = 'd' AND s.row_id = ANY (v_batch) AND s.row_id <> ALL (v_kept));
  UPDATE directories d
     SET removed_at = now(), excluded = p_excluded, changed_scan = p_scan, signature = NULL, signature_version = NULL
   WHERE d.library_id = v_library AND d.id = ANY (v_batch) AND d.id <> ALL (v_stay) AND d.removed_at IS NULL;
  -- As one that nobody has listed.
  UPDATE directories d
     SET files = NULL, bytes = NULL, changed_scan = p_scan, signature = NULL, signature_version = NULL
   WHERE d.library_id = v_library AND d.id = ANY (v_stay) AND d.id <> ALL (v_kept);
  UPDATE directories d SET signature = NULL, signature_version = NULL
   WHERE d.library_id = v_library AND d.signature IS NOT NULL AND d.id = ANY (v_touched || ARRAY(
     SELECT DISTINCT s.directory_id FROM staged_removals s
      WHERE s.scan_id = p_scan AND s.kind = 'd' AND s.row_id = ANY (v_batch) AND NOT s.stays));
  DELETE FROM staged_removals WHERE scan_id = p_scan AND kind = 'd' AND row_id = ANY (v_batch);
  RETURN v_files;
END $$;
