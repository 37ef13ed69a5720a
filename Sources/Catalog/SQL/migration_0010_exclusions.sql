-- What a rule excludes, and what each scan has changed.
--
-- A row whose name a listing had, but which the library's rules do not admit any more, is not missing: it is
-- excluded. It becomes a tombstone that says so, outside the limits that removals have.

ALTER TABLE directories ADD COLUMN excluded boolean NOT NULL DEFAULT false,
  ADD CONSTRAINT directories_excluded_check CHECK (removed_at IS NOT NULL OR NOT excluded);
ALTER TABLE files ADD COLUMN excluded boolean NOT NULL DEFAULT false,
  ADD CONSTRAINT files_excluded_check CHECK (removed_at IS NOT NULL OR NOT excluded);

ALTER TABLE staged_removals
  -- Not missing, but not admitted: nobody looks at it again, and no limit holds it.
  ADD COLUMN excluded boolean NOT NULL DEFAULT false,
  -- Of an excluded directory: only what lies in it goes.
  ADD COLUMN stays boolean NOT NULL DEFAULT false,
  ADD CHECK (NOT stays OR excluded AND kind = 'd');

DROP INDEX staged_removals_deepest;
CREATE INDEX staged_removals_deepest ON staged_removals (scan_id, excluded, below DESC, row_id) WHERE kind = 'd';
CREATE INDEX staged_removals_excluded ON staged_removals (scan_id, row_id) WHERE kind = 'f' AND excluded;

-- What a scan has done to files that were there before it; what it added is told by files.first_scan. A row
-- stands for itself, whatever becomes of the file: it has the name under which the file was, in the directory
-- whose path is looked up.
CREATE TABLE scan_changes (
  library_id   bigint NOT NULL,
  scan_id      bigint NOT NULL,
  -- 'a': a tombstone lives again; 'r': removed, as it is gone; 'u': updated; 'x': removed, as a rule excludes it.
  change       "char" NOT NULL CHECK (change IN ('a', 'r', 'u', 'x')),
  kind         "char" NOT NULL,
  file_id      bigint NOT NULL,
  directory_id bigint NOT NULL,
  name         bytea NOT NULL
) PARTITION BY LIST (library_id);

-- Of libraries that there are already. Scans add to the end of `files`, or where tombstones were purged: BRIN
-- with the very values of each range of pages finds a scan's own rows without a B-tree on every row.
DO $$
DECLARE
  v_library bigint;
BEGIN
  FOR v_library IN SELECT id FROM libraries LOOP
    -- A removal that was interrupted may have dropped it.
    IF to_regclass(format('files_%s', v_library)) IS NOT NULL THEN
      EXECUTE format('CREATE INDEX ON files_%s USING brin (first_scan int8_minmax_multi_ops) WITH (pages_per_range = 16)', v_library);
    END IF;
    EXECUTE format('CREATE TABLE scan_changes_%s PARTITION OF scan_changes FOR VALUES IN (%s)', v_library, v_library);
    EXECUTE format('CREATE UNIQUE INDEX ON scan_changes_%s (scan_id, change, file_id)', v_library);
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
  EXECUTE format('CREATE UNIQUE INDEX ON scan_changes_%s (scan_id, change, file_id)', v_library);

  EXECUTE format('INSERT INTO directories_%s (library_id, id, name) VALUES ($1, $2, '''')', v_library) USING v_library, v_root;
  FOREACH v_table IN ARRAY ARRAY['directories', 'files', 'scan_changes'] LOOP
    EXECUTE format('ALTER TABLE %s ATTACH PARTITION %1$s_%s FOR VALUES IN (%2$s)', v_table, v_library);
  END LOOP;
  RETURN v_library;
END $$;

-- The steps of a `finalise` slice are these now:
--
--   look again ── unstage_removals, a page at a time, of what is missing; begun anew by every claim
--   exclude ───── exclude_staged, a batch at a time, until nothing excluded is staged
--   verdict ───── decide_removals, on what is missing
--   apply ─────── apply_removals, a batch at a time, until nothing is staged
--   end ───────── end_scan
--
-- What is excluded goes before the verdict, and whatever it will be: so the verdict counts what is missing and
-- nothing else, also where one lies within the other. Such rows are known by name, like those that a walk
-- updates; as with these, a scan that is ended in between leaves what it has done, and the next one does the
-- rest.

-- Removes one batch of what is staged as excluded, as apply_removals does with what is missing. RC001; RC002
-- where the scan has ended, or its verdict is set.
CREATE FUNCTION exclude_staged(p_scan bigint, p_number integer, p_epoch integer, p_claim uuid, p_limit integer)
RETURNS TABLE (files bigint, is_left boolean) LANGUAGE plpgsql
  SET plan_cache_mode = force_custom_plan SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off AS $$
DECLARE
  v_files bigint;
BEGIN
  PERFORM fence_finalise(p_scan, p_number, p_epoch, p_claim);
  v_files := remove_staged(p_scan, p_number, true, p_limit);
  UPDATE scans SET files_removed = files_removed + v_files
   WHERE id = p_scan AND status IN ('running', 'paused') AND removal_verdict IS NULL;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'scan % has ended, or is past its exclusions', p_scan USING ERRCODE = 'RC002';
  END IF;
  RETURN QUERY SELECT v_files, EXISTS (SELECT 1 FROM staged_removals WHERE scan_id = p_scan AND kind = 'f' AND excluded)
                            OR EXISTS (SELECT 1 FROM staged_removals WHERE scan_id = p_scan AND kind = 'd' AND excluded);
END $$;

-- Removes one batch of what is staged as missing: at most p_limit files become tombstones, and at most as many
-- directories; of a larger directory the next batches remove the rest. Files first, then directories, the
-- deepest first: one without live files has its live directories staged before it, and becomes a tombstone
-- when none is left. Rows that are not live, or no longer what was staged, are passed over. Returns how
-- many files went, and whether anything is left. RC002 also before the verdict, and after `hold`.
--
-- Locks in the order slice, catalogue rows, scan.
CREATE OR REPLACE FUNCTION apply_removals(p_scan bigint, p_number integer, p_epoch integer, p_claim uuid, p_limit integer)
RETURNS TABLE (files bigint, is_left boolean) LANGUAGE plpgsql
  SET plan_cache_mode = force_custom_plan SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off AS $$
DECLARE
  v_files bigint;
BEGIN
  PERFORM fence_finalise(p_scan, p_number, p_epoch, p_claim);
  v_files := remove_staged(p_scan, p_number, false, p_limit);
  UPDATE scans SET files_removed = files_removed + v_files
   WHERE id = p_scan AND status IN ('running', 'paused') AND removal_verdict = 'apply';
  IF NOT FOUND THEN
    RAISE EXCEPTION 'scan % has ended, or is not to remove anything', p_scan USING ERRCODE = 'RC002';
  END IF;
  RETURN QUERY SELECT v_files, EXISTS (SELECT 1 FROM staged_removals WHERE scan_id = p_scan);
END $$;

-- For exclude_staged and apply_removals, which have fenced themselves: the next batch of one sort. Returns how
-- many files went.
CREATE FUNCTION remove_staged(p_scan bigint, p_number integer, p_excluded boolean, p_limit integer) RETURNS bigint
LANGUAGE plpgsql AS $$
BEGIN
  -- Whoever commits a batch gets somewhere: the attempts start anew.
  UPDATE slices SET attempts = 0 WHERE scan_id = p_scan AND number = p_number AND attempts > 0;
  IF EXISTS (SELECT 1 FROM staged_removals WHERE scan_id = p_scan AND kind = 'f' AND excluded = p_excluded) THEN
    RETURN remove_staged_files(p_scan, p_excluded, p_limit);
  ELSE
    RETURN remove_staged_directories(p_scan, p_excluded, p_limit);
  END IF;
END $$;

-- For remove_staged: the next p_limit of the staged files. Returns how many were live.
DROP FUNCTION remove_staged_files;
CREATE FUNCTION remove_staged_files(p_scan bigint, p_excluded boolean, p_limit integer) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
  v_library bigint := (SELECT library_id FROM scans WHERE id = p_scan);
  v_last    bigint;
  v_files   bigint;
BEGIN
  SELECT max(b.row_id) INTO v_last FROM (
    SELECT row_id FROM staged_removals WHERE scan_id = p_scan AND kind = 'f' AND excluded = p_excluded
     ORDER BY row_id LIMIT p_limit) b;

  UPDATE directories d SET signature = NULL, signature_version = NULL
   WHERE d.library_id = v_library AND d.signature IS NOT NULL AND d.id = ANY (ARRAY(
     SELECT DISTINCT s.directory_id FROM staged_removals s
      WHERE s.scan_id = p_scan AND s.kind = 'f' AND s.excluded = p_excluded AND s.row_id <= v_last));

  WITH gone AS (
    UPDATE files f SET removed_at = now(), excluded = p_excluded, changed_scan = p_scan
     WHERE f.library_id = v_library AND f.ctid = ANY (ARRAY(
       SELECT t.ctid FROM staged_removals s CROSS JOIN LATERAL (
         SELECT u.ctid FROM files u
          WHERE u.library_id = v_library AND u.directory_id = s.directory_id AND u.name = s.name AND u.id = s.row_id
            AND u.removed_at IS NULL OFFSET 0) t
        WHERE s.scan_id = p_scan AND s.kind = 'f' AND s.excluded = p_excluded AND s.row_id <= v_last))
    RETURNING f.id, f.directory_id, f.name, f.kind
  ), noted AS (
    INSERT INTO scan_changes (library_id, scan_id, change, kind, file_id, directory_id, name)
    SELECT v_library, p_scan, CASE WHEN p_excluded THEN 'x'::"char" ELSE 'r' END, kind, id, directory_id, name FROM gone
    ON CONFLICT DO NOTHING
  )
  SELECT count(*) INTO v_files FROM gone;

  DELETE FROM staged_removals WHERE scan_id = p_scan AND kind = 'f' AND excluded = p_excluded AND row_id <= v_last;
  RETURN v_files;
END $$;

-- For remove_staged: the next step of the deepest staged directories. Returns how many files went.
DROP FUNCTION remove_staged_directories;
CREATE FUNCTION remove_staged_directories(p_scan bigint, p_excluded boolean, p_limit integer) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
  -- A directory of more files than this notes how far it has come.
  c_large   CONSTANT integer := 100;
  v_library bigint := (SELECT library_id FROM scans WHERE id = p_scan);
  v_batch   bigint[];
  v_stay    bigint[];
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

  -- No file is left: their directories go before them. One that is staged already goes no later than these,
  -- and for the same reason.
  INSERT INTO staged_removals (scan_id, library_id, kind, row_id, directory_id, name, below, excluded)
  SELECT p_scan, v_library, 'd', c.id, c.parent_id, c.name, c.below, p_excluded FROM (
    SELECT d.*, s.below + 1 AS below FROM staged_removals s CROSS JOIN LATERAL (
      SELECT u.id, u.parent_id, u.name FROM directories u
       WHERE u.library_id = v_library AND u.parent_id = s.row_id AND u.removed_at IS NULL LIMIT 10 * p_limit) d
     WHERE s.scan_id = p_scan AND s.kind = 'd' AND s.row_id = ANY (v_batch)
     LIMIT 10 * p_limit) c
  ON CONFLICT (scan_id, kind, row_id) DO UPDATE
     SET below = greatest(staged_removals.below, excluded.below), excluded = excluded.excluded, stays = false
   WHERE staged_removals.below < excluded.below OR staged_removals.excluded <> excluded.excluded OR staged_removals.stays;

  v_batch := ARRAY(
    SELECT s.row_id FROM staged_removals s
     WHERE s.scan_id = p_scan AND s.kind = 'd' AND s.row_id = ANY (v_batch)
       AND NOT EXISTS (
         SELECT 1 FROM directories u WHERE u.library_id = v_library AND u.parent_id = s.row_id AND u.removed_at IS NULL OFFSET 0)
       AND NOT EXISTS (
         SELECT 1 FROM files u WHERE u.library_id = v_library AND u.directory_id = s.row_id AND u.removed_at IS NULL OFFSET 0));
  v_stay := ARRAY(
    SELECT s.row_id FROM staged_removals s
     WHERE s.scan_id = p_scan AND s.kind = 'd' AND s.row_id = ANY (v_batch) AND s.stays);
  UPDATE directories d
     SET removed_at = now(), excluded = p_excluded, changed_scan = p_scan, signature = NULL, signature_version = NULL
   WHERE d.library_id = v_library AND d.id = ANY (v_batch) AND d.id <> ALL (v_stay) AND d.removed_at IS NULL;
  -- As one that nobody has listed.
  UPDATE directories d
     SET files = NULL, bytes = NULL, changed_scan = p_scan, signature = NULL, signature_version = NULL
   WHERE d.library_id = v_library AND d.id = ANY (v_stay);
  UPDATE directories d SET signature = NULL, signature_version = NULL
   WHERE d.library_id = v_library AND d.signature IS NOT NULL AND d.id = ANY (v_touched || ARRAY(
     SELECT DISTINCT s.directory_id FROM staged_removals s
      WHERE s.scan_id = p_scan AND s.kind = 'd' AND s.row_id = ANY (v_batch) AND NOT s.stays));
  DELETE FROM staged_removals WHERE scan_id = p_scan AND kind = 'd' AND row_id = ANY (v_batch);
  RETURN v_files;
END $$;

-- Sets the verdict, once: `hold` where more missing files would go than `removal_limit` and more than
-- `removal_limit_percent` percent of what the library had before this scan, without what was excluded; `apply`
-- otherwise. Returns it, also when it was set before. p_files is how many would go, as the caller has counted:
-- if it is not fenced now, it has had the library to itself meanwhile. What is excluded has gone before.
CREATE OR REPLACE FUNCTION decide_removals(p_scan bigint, p_number integer, p_epoch integer, p_claim uuid, p_files bigint)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  c_grouped CONSTANT text := 'FM9,999,999,999,999,999,999';
  v_slice   slices := fence_finalise(p_scan, p_number, p_epoch, p_claim);
  v_scan    scans;
  v_library bigint;
  v_limit   bigint;
  v_percent bigint;
  v_held    boolean;
BEGIN
  SELECT * INTO v_scan FROM scans WHERE id = p_scan AND status IN ('running', 'paused') FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'scan % has ended', p_scan USING ERRCODE = 'RC002';
  ELSIF v_scan.removal_verdict IS NOT NULL THEN
    RETURN v_scan.removal_verdict;
  ELSIF EXISTS (SELECT 1 FROM staged_removals WHERE scan_id = p_scan AND excluded) THEN
    RAISE EXCEPTION 'scan % cannot decide: what it has staged as excluded has not gone', p_scan;
  END IF;

  v_library := v_scan.files_seen - v_scan.files_added + p_files;
  v_limit := coalesce((v_scan.rules->>'removal_limit')::bigint, 1000);
  v_percent := coalesce((v_scan.rules->>'removal_limit_percent')::bigint, 50);
  v_held := p_files > v_limit AND p_files * 100 > v_percent * v_library;
  IF v_held THEN
    PERFORM hold_removals(p_scan, p_files, format(
      '%s of %s files are missing, which is more than this library''s removal limits (%s files and %s %%) let go: '
      'none of them was removed. If they should be there, see to the tree (is everything mounted?) and scan again. '
      'If they are gone for good, raise a limit (`rollcall library set %s --removal-limit %s`) and scan again.',
      to_char(p_files, c_grouped), to_char(v_library, c_grouped), to_char(v_limit, c_grouped), v_percent,
      (SELECT shell_word(l.name) FROM libraries l WHERE l.id = v_scan.library_id), p_files));
  ELSE
    UPDATE scans SET removal_verdict = 'apply' WHERE id = p_scan;
  END IF;
  INSERT INTO scan_events (scan_id, event, actor, detail)
  VALUES (p_scan, CASE WHEN v_held THEN 'removals_held' ELSE 'removals_applied' END, v_slice.worker,
          jsonb_build_object('files', p_files, 'excluded', v_scan.files_removed, 'library_files', v_library,
                             'removal_limit', v_limit, 'removal_limit_percent', v_percent));
  RETURN CASE WHEN v_held THEN 'hold' ELSE 'apply' END;
END $$;

-- Ends a scan whose `finalise` slice has used its attempts up: before the verdict it fails, and removes
-- nothing that is missing; after it the rest is held, and it ends `partial`. Returns the end state. RC001 as
-- above.
CREATE OR REPLACE FUNCTION give_up_finalise(p_scan bigint, p_number integer, p_epoch integer, p_claim uuid) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  v_slice slices := fence_finalise(p_scan, p_number, p_epoch, p_claim);
  v_files bigint;
  v_error text;
BEGIN
  v_error := coalesce(
    (SELECT e.detail->>'error' FROM scan_events e
      WHERE e.scan_id = p_scan AND e.event = 'slice_failed' AND (e.detail->>'slice')::integer = p_number
      ORDER BY e.id DESC LIMIT 1),
    'each of its last ' || v_slice.attempts || ' workers died at it');
  IF EXISTS (SELECT 1 FROM scans WHERE id = p_scan AND removal_verdict IS NULL) THEN
    PERFORM fail_scan(p_scan, v_slice.worker, 'the end of the scan failed: ' || v_error);
    PERFORM drop_slices(p_scan);
    RETURN 'failed';
  END IF;

  IF EXISTS (SELECT 1 FROM scans WHERE id = p_scan AND removal_verdict = 'apply')
    AND EXISTS (SELECT 1 FROM staged_removals WHERE scan_id = p_scan) THEN
    -- Of what the verdict was about, what has not been removed since.
    SELECT (e.detail->>'files')::bigint - (sc.files_removed - coalesce((e.detail->>'excluded')::bigint, 0)) INTO v_files
      FROM scans sc JOIN scan_events e ON e.scan_id = sc.id AND e.event = 'removals_applied' WHERE sc.id = p_scan;
    PERFORM hold_removals(p_scan, v_files, format(
      '%s missing files could not be removed from the catalogue: %s. Scan again to remove them.', v_files, v_error));
    INSERT INTO scan_events (scan_id, event, actor, detail)
    VALUES (p_scan, 'removals_held', v_slice.worker, jsonb_build_object('files', v_files, 'error', v_error));
  END IF;
  RETURN end_scan(p_scan, p_number, p_epoch, p_claim, v_slice.worker);
END $$;

-- The two views of the public interface, as before but for `excluded`, and for category and course: in a
-- library of layout `category/course` the names of the directories at depth 1 and 2 on all rows at and below
-- them. They are made text once a directory, not once a file.
CREATE OR REPLACE VIEW catalog_directories AS
SELECT l.name AS library, d.path, rollcall_text(d.path) AS path_text, d.id, d.inode, d.files, d.bytes,
       d.category, d.course, d.removed_at, d.excluded
  FROM libraries l
 CROSS JOIN LATERAL (
   WITH RECURSIVE tree AS (
     SELECT r.id, r.name AS path, NULL::text AS category, NULL::text AS course, r.inode, r.files, r.bytes, r.removed_at, r.excluded
       FROM directories r WHERE r.library_id = l.id AND r.parent_id IS NULL
     UNION ALL
     SELECT c.id, CASE WHEN t.path = ''::bytea THEN c.name ELSE t.path || '\x2f'::bytea || c.name END,
            CASE WHEN l.rules->>'layout' = 'category/course' THEN coalesce(t.category, rollcall_text(c.name)) END,
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
   WITH RECURSIVE tree AS (
     SELECT r.id, r.name AS path, NULL::text AS category, NULL::text AS course
       FROM directories r WHERE r.library_id = l.id AND r.parent_id IS NULL
     UNION ALL
     SELECT c.id, CASE WHEN t.path = ''::bytea THEN c.name ELSE t.path || '\x2f'::bytea || c.name END,
            CASE WHEN l.rules->>'layout' = 'category/course' THEN coalesce(t.category, rollcall_text(c.name)) END,
            CASE WHEN t.category IS NOT NULL THEN coalesce(t.course, rollcall_text(c.name)) END
       FROM tree t CROSS JOIN LATERAL (
         SELECT * FROM directories u WHERE u.library_id = l.id AND u.parent_id = t.id OFFSET 0) c
   )
   SELECT CASE WHEN d.path = ''::bytea THEN e.name ELSE d.path || '\x2f'::bytea || e.name END AS path,
          d.category, d.course, e.*
     FROM tree d JOIN files e ON e.library_id = l.id AND e.directory_id = d.id
 ) f;
