-- Directories and files that moved keep their rows and their ids.

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
  ADD CONSTRAINT scan_changes_change_check CHECK (change IN ('a', 'm', 'r', 'u', 'x')),
  ADD CHECK ((change = 'm') = (from_directory_id IS NOT NULL) AND (change = 'm') = (from_name IS NOT NULL)),
  ADD CHECK (kind <> 'd' OR change = 'm');

-- The indexes of a library's scan_changes. Ids of directories and of files are numbered apart.
CREATE FUNCTION index_changes(p_library bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE UNIQUE INDEX ON scan_changes_%s (scan_id, change, (kind <> ''d''), file_id)', p_library);
  EXECUTE format('CREATE INDEX ON scan_changes_%s (file_id, scan_id) WHERE change = ''m''', p_library);
END $$;

DO $$
DECLARE
  v_library bigint;
  v_index   regclass;
BEGIN
  FOR v_library IN SELECT id FROM libraries LOOP
    CONTINUE WHEN to_regclass(format('scan_changes_%s', v_library)) IS NULL;
    FOR v_index IN SELECT i.indexrelid FROM pg_index i WHERE i.indrelid = to_regclass(format('scan_changes_%s', v_library)) LOOP
      EXECUTE format('DROP INDEX %s', v_index);
    END LOOP;
    PERFORM index_changes(v_library);
  END LOOP;
END $$;

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
  PERFORM index_changes(v_library);

  EXECUTE format('INSERT INTO directories_%s (library_id, id, name) VALUES ($1, $2, '''')', v_library) USING v_library, v_root;
  FOREACH v_table IN ARRAY ARRAY['directories', 'files', 'scan_changes'] LOOP
    EXECUTE format('ALTER TABLE %s ATTACH PARTITION %1$s_%s FOR VALUES IN (%2$s)', v_table, v_library);
  END LOOP;
  RETURN v_library;
END $$;
