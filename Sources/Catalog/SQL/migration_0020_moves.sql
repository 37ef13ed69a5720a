-- Directories and files that moved keep their rows and their ids.

-- The indexes of a library's scan_changes. Ids of directories and of files are numbered apart.
CREATE FUNCTION index_changes(p_library bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE UNIQUE INDEX ON scan_changes_%s (scan_id, change, (kind <> ''d''), file_id)', p_library);
  EXECUTE format('CREATE INDEX ON scan_changes_%s (file_id, scan_id) WHERE change = ''m''', p_library);
END $$;

-- Live directories by which one of them is which: of a birth time, then of an inode.
CREATE FUNCTION index_births(p_library bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE INDEX ON directories_%s (btime_ns, inode) WHERE removed_at IS NULL', p_library);
END $$;

-- What takes long comes first, under locks that let everybody read; what locks readers out is done in a moment.
DO $$
DECLARE
  v_library bigint;
  v_index   regclass;
  v_old     regclass[] := ARRAY(
    SELECT i.indexrelid FROM libraries l JOIN pg_index i ON i.indrelid = to_regclass(format('scan_changes_%s', l.id)));
BEGIN
  FOR v_library IN SELECT id FROM libraries ORDER BY id LOOP
    IF to_regclass(format('scan_changes_%s', v_library)) IS NOT NULL THEN
      PERFORM index_changes(v_library);
    END IF;
    IF to_regclass(format('directories_%s', v_library)) IS NOT NULL THEN
      PERFORM index_births(v_library);
    END IF;
  END LOOP;
  FOREACH v_index IN ARRAY v_old LOOP
    EXECUTE format('DROP INDEX %s', v_index);
  END LOOP;
END $$;

ALTER TABLE scans ADD COLUMN directories_moved bigint NOT NULL DEFAULT 0;

-- A scan as the program shows it.
CREATE OR REPLACE VIEW scan_records AS
SELECT s.id, s.library_id, l.name AS library, s.root_path, s.mode, s.status, s.requested_by, s.requested_through,
       s.request_id, s.requested_at, s.started_at, s.completed_at, s.categories_found, s.courses_found,
       s.directories_seen, s.files_seen, s.files_added, s.files_updated, s.files_moved, s.files_unchanged,
       s.files_removed, s.removals_held, s.bytes_seen::text AS bytes_seen, s.errors_count, s.slices_redone,
       s.message, s.error_message, s.queue, s.max_parallel, s.entries_ignored, s.directories_moved
  FROM scans s JOIN libraries l ON l.id = s.library_id;

-- 'm': moved, from one directory and name to another. One row for a scan and what it moved, however often: from
-- where it was before the scan to where it is since. Of kind 'd' it is a directory, with all that lies below it,
-- and file_id its id.
--
-- So the place that a row had before a scan is told by its first move in that scan or a later one, and where there
-- is none it is the row's own: paths of old changes are those of their time.
ALTER TABLE scan_changes
  ADD COLUMN from_directory_id bigint,
  ADD COLUMN from_name bytea,
  DROP CONSTRAINT scan_changes_change_check,
  -- NOT VALID: no row that is there is one of these, so that all of them need not be read under the table's lock.
  ADD CONSTRAINT scan_changes_change_check CHECK (change IN ('a', 'm', 'r', 'u', 'x')) NOT VALID,
  ADD CHECK ((change = 'm') = (from_directory_id IS NOT NULL) AND (change = 'm') = (from_name IS NOT NULL)) NOT VALID,
  ADD CHECK (kind <> 'd' OR change = 'm') NOT VALID;

-- Adds a library with its partitions and the row of its root directory, and returns its id.
-- Raises 23505 where the name or the root is taken.
CREATE OR REPLACE FUNCTION add_library(p_name text, p_root_path text, p_rules jsonb) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
  v_root    bigint := nextval('directory_ids');
  v_library bigint;
  v_table   text;
BEGIN
  INSERT INTO libraries (name, root_path, root_directory, rules)
  VALUES (p_name, p_root_path, v_root, p_rules) RETURNING id INTO v_library;

  -- Made and filled before they are attached: ATTACH takes no exclusive lock on the parent. The CHECK
  -- spares ATTACH a look at the rows.
  FOREACH v_table IN ARRAY ARRAY['directories', 'files', 'scan_changes'] LOOP
    EXECUTE format('CREATE TABLE %s_%s (LIKE %1$s INCLUDING ALL, CHECK (library_id = %2$s))', v_table, v_library);
  END LOOP;

  -- Ids are globally unique, so the partition key can stay out of the indexes. Ids and rows of files
  -- arrive in the same order: BRIN finds them at no cost.
  EXECUTE format('CREATE UNIQUE INDEX ON directories_%s (id)', v_library);
  EXECUTE format('CREATE UNIQUE INDEX ON directories_%s (parent_id, name) WHERE removed_at IS NULL', v_library);
  EXECUTE format('CREATE INDEX ON directories_%s (parent_id)', v_library);  -- paths of tombstones too
  EXECUTE format('CREATE UNIQUE INDEX ON files_%s (directory_id, name) WHERE removed_at IS NULL', v_library);
  EXECUTE format('CREATE INDEX ON files_%s USING brin (id) WITH (pages_per_range = 16)', v_library);
  EXECUTE format('CREATE INDEX ON files_%s USING brin (first_scan int8_minmax_multi_ops) WITH (pages_per_range = 16)', v_library);
  EXECUTE format('CREATE INDEX ON directories_%s (parent_id, name) WHERE removed_at IS NOT NULL', v_library);
  EXECUTE format('CREATE INDEX ON files_%s (directory_id, name) WHERE removed_at IS NOT NULL', v_library);
  PERFORM index_births(v_library);
  PERFORM index_changes(v_library);

  EXECUTE format('INSERT INTO directories_%s (library_id, id, name) VALUES ($1, $2, '''')', v_library) USING v_library, v_root;
  FOREACH v_table IN ARRAY ARRAY['directories', 'files', 'scan_changes'] LOOP
    EXECUTE format('ALTER TABLE %s ATTACH PARTITION %1$s_%s FOR VALUES IN (%2$s)', v_table, v_library);
  END LOOP;
  RETURN v_library;
END $$;

-- The name that a directory was given, also where it is vacated: for people.
CREATE FUNCTION given_name(p_name bytea) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN substring(p_name FROM 1 FOR 1) = '\x00'::bytea THEN substring(p_name FROM 10) ELSE p_name END
$$;

-- A directory whose name another one has taken, before it is known where it went: it keeps its row under a name that
-- no file system can have. So names are vacated before they are given, and who looks for such a one finds nothing.
CREATE FUNCTION vacated_name(p_directory bigint, p_name bytea) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT '\x00'::bytea || int8send(p_directory) || given_name(p_name)
$$;

-- A tombstone may share its name: whoever comes back to that finds it.
CREATE FUNCTION name_removed_directory() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.name := given_name(NEW.name);
  RETURN NEW;
END $$;

CREATE TRIGGER directory_named BEFORE UPDATE ON directories FOR EACH ROW
  WHEN (OLD.removed_at IS NULL AND NEW.removed_at IS NOT NULL AND substring(OLD.name FROM 1 FOR 1) = '\x00'::bytea)
  EXECUTE FUNCTION name_removed_directory();

-- Moves are the part of a slice's commit that comes right after its fence: vacate_directories for all whose names
-- are given to others, then move_directories, then settle_moves. Each says where the rows are as the slice has seen
-- them: where one lies elsewhere by now, another slice was faster, and 40001 has this one walked again. Movers of one
-- library wait for each other, so that none makes a ring with what another is about to commit.

-- Locks rows that are to move, or to stay, in the order of their ids; 40001 where one is not live, not under that
-- name, or has another inode than the given, if one is given.
CREATE FUNCTION lock_directories(
  p_library bigint, p_ids bigint[], p_parents bigint[], p_names bytea[], p_inodes bigint[] DEFAULT '{}'
) RETURNS void
LANGUAGE plpgsql SET plan_cache_mode = force_custom_plan SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
  v_there bigint;
BEGIN
  PERFORM pg_advisory_xact_lock(7203116503 + p_library);
  PERFORM 1 FROM directories d WHERE d.library_id = p_library AND d.id = ANY (p_ids) ORDER BY d.id FOR UPDATE;
  SELECT count(*) INTO v_there
    FROM unnest(p_ids, p_parents, p_names, p_inodes) AS v(id, parent_id, name, inode) CROSS JOIN LATERAL (
      SELECT 1 FROM directories u
       WHERE u.library_id = p_library AND u.id = v.id AND u.parent_id = v.parent_id AND u.name = v.name
         AND (v.inode IS NULL OR u.inode = v.inode) AND u.removed_at IS NULL OFFSET 0) d;
  IF v_there < cardinality(p_ids) THEN
    RAISE EXCEPTION 'a directory that was to move has moved, or has gone, meanwhile' USING ERRCODE = '40001';
  END IF;
END $$;

-- Takes their names from directories, whose places the slice gives to others.
CREATE FUNCTION vacate_directories(p_scan bigint, p_library bigint, p_ids bigint[], p_parents bigint[], p_names bytea[])
RETURNS void LANGUAGE plpgsql SET plan_cache_mode = force_custom_plan SET enable_seqscan = off AS $$
BEGIN
  PERFORM lock_directories(p_library, p_ids, p_parents, p_names);
  UPDATE directories d SET name = vacated_name(d.id, d.name), changed_scan = p_scan
   WHERE d.library_id = p_library AND d.id = ANY (p_ids) AND substring(d.name FROM 1 FOR 1) <> '\x00'::bytea;
END $$;

-- Gives directories their places: from those that they have now. Of those that scans before knew, where
-- p_are_known says 1, the move is a change of the scan, and what it has staged of them as missing is not missing. How
-- many the scan had not moved before, directories_moved_now tells at the end of the transaction.
CREATE FUNCTION move_directories(
  p_scan bigint, p_library bigint, p_ids bigint[], p_from_parents bigint[], p_from_names bytea[], p_parents bigint[],
  p_names bytea[], p_are_known integer[], p_inodes bigint[]
) RETURNS void LANGUAGE plpgsql SET plan_cache_mode = force_custom_plan SET enable_seqscan = off AS $$
DECLARE
  v_new bigint;
BEGIN
  PERFORM lock_directories(p_library, p_ids, p_from_parents, p_from_names, p_inodes);
  UPDATE directories d SET parent_id = v.parent_id, name = v.name, changed_scan = p_scan
    FROM unnest(p_ids, p_parents, p_names) AS v(id, parent_id, name)
   WHERE d.library_id = p_library AND d.id = v.id;

  DELETE FROM staged_removals s USING unnest(p_ids, p_are_known) AS v(id, is_known)
   WHERE s.scan_id = p_scan AND s.kind = 'd' AND s.row_id = v.id AND v.is_known = 1;
  WITH moved AS (
    SELECT v.* FROM unnest(p_ids, p_from_parents, p_from_names, p_parents, p_names, p_are_known)
                      AS v(id, from_parent, from_name, parent_id, name, is_known) WHERE v.is_known = 1
  ), again AS (
    UPDATE scan_changes c SET directory_id = m.parent_id, name = m.name FROM moved m
     WHERE c.library_id = p_library AND c.scan_id = p_scan AND c.change = 'm' AND (c.kind <> 'd') = false AND c.file_id = m.id
    RETURNING c.file_id
  )
  INSERT INTO scan_changes (library_id, scan_id, change, kind, file_id, directory_id, name, from_directory_id, from_name)
  SELECT p_library, p_scan, 'm', 'd', m.id, m.parent_id, m.name, m.from_parent, given_name(m.from_name) FROM moved m
   WHERE NOT EXISTS (SELECT 1 FROM again a WHERE a.file_id = m.id);
  GET DIAGNOSTICS v_new = ROW_COUNT;
  PERFORM set_config('rollcall.directories_moved', (directories_moved_now() + v_new)::text, true);
END $$;

-- How many directories this transaction has moved that its scan had not moved before.
CREATE FUNCTION directories_moved_now() RETURNS bigint LANGUAGE sql VOLATILE AS $$
  SELECT coalesce(nullif(current_setting('rollcall.directories_moved', true), ''), '0')::bigint
$$;

-- After all moves of a commit, p_parents being the directories into which they went: 40001 where one of these does
-- not lie below the root any more, as it lies in itself. Open errors at and below what moved get their paths.
CREATE FUNCTION settle_moves(p_library bigint, p_parents bigint[]) RETURNS void
LANGUAGE plpgsql SET plan_cache_mode = force_custom_plan SET enable_seqscan = off AS $$
BEGIN
  IF EXISTS (
    WITH RECURSIVE up AS (
      SELECT DISTINCT p.id AS start, p.id FROM unnest(p_parents) AS p(id)
      UNION
      SELECT u.start, d.parent_id FROM up u CROSS JOIN LATERAL (
        SELECT x.parent_id FROM directories x WHERE x.library_id = p_library AND x.id = u.id OFFSET 0) d
    )
    SELECT 1 FROM up u GROUP BY u.start HAVING bool_and(u.id IS NOT NULL))
  THEN
    RAISE EXCEPTION 'a directory would lie in itself: another one is about to move' USING ERRCODE = '40001';
  END IF;

  WITH RECURSIVE up AS (
    SELECT e.directory_id AS start, e.directory_id AS id, ''::bytea AS path
      FROM errors e
     WHERE e.library_id = p_library AND e.resolved_scan IS NULL AND e.directory_id IS NOT NULL
    UNION
    SELECT u.start, d.parent_id, CASE u.path WHEN ''::bytea THEN d.name ELSE d.name || '\x2f'::bytea || u.path END
      FROM up u CROSS JOIN LATERAL (
        SELECT x.parent_id, given_name(x.name) AS name FROM directories x
         WHERE x.library_id = p_library AND x.id = u.id AND x.parent_id IS NOT NULL OFFSET 0) d
  ), placed AS (
    SELECT u.start, u.path FROM up u JOIN libraries l ON l.id = p_library AND l.root_directory = u.id
  )
  UPDATE errors e
     SET path = CASE WHEN e.name IS NULL THEN p.path WHEN p.path = ''::bytea THEN e.name
                     ELSE p.path || '\x2f'::bytea || e.name END
    FROM placed p
   WHERE e.library_id = p_library AND e.resolved_scan IS NULL AND e.directory_id = p.start
     AND e.path <> CASE WHEN e.name IS NULL THEN p.path WHEN p.path = ''::bytea THEN e.name
                        ELSE p.path || '\x2f'::bytea || e.name END;
END $$;

-- The two views of the public interface, as before: but a vacated name is shown as it was given.
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
         SELECT u.id, given_name(u.name) AS name, u.inode, u.files, u.bytes, u.removed_at, u.excluded
           FROM directories u WHERE u.library_id = l.id AND u.parent_id = t.id OFFSET 0) c
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
         SELECT u.id, given_name(u.name) AS name
           FROM directories u WHERE u.library_id = l.id AND u.parent_id = t.id OFFSET 0) c
   )
   SELECT CASE WHEN d.path = ''::bytea THEN e.name ELSE d.path || '\x2f'::bytea || e.name END AS path,
          d.category, d.course, e.*
     FROM tree d JOIN files e ON e.library_id = l.id AND e.directory_id = d.id
 ) f;
