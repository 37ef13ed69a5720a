-- Files that moved keep their rows and their ids (R16).
--
-- A file is told by its inode, size, modification time, kind and, where both sides have one, birth time, under one
-- mount. What a scan finds is written down while it walks, what it misses is staged anyway; its `finalise` slice
-- brings the two together, one to one. More than one on either side, as with hard links, is no move.
--
--   walk ──── found_identities, lost_identities    by the slices' commits, once a scan has got to its end
--   match ─── staged_moves                         a page at a time, begun anew by every claim
--   verdict ─ decide_removals                      what has moved is not missing
--   move ──── apply_moves                          a batch at a time, whatever the verdict, before the removals
--
-- The identities outlive a scan that fails: the next one that gets to its end brings together what has changed since
-- the last one that did. After that nobody wants them; the reaper deletes them by and by. There may be millions of
-- these beside those of a scan, so whoever reads identities goes by their scans' index, or by a row.

-- Rows that are new, or under whose names there is another file than before: what there is now. Not where it has
-- another link: nobody can tell then which of its names is which.
CREATE TABLE found_identities (
  library_id   bigint NOT NULL,
  file_id      bigint NOT NULL,
  inode        bigint NOT NULL,
  -- The place of the row.
  directory_id bigint NOT NULL,
  name         bytea NOT NULL,
  scan_id      bigint NOT NULL,
  PRIMARY KEY (library_id, file_id)
);
CREATE INDEX found_identities_by_inode ON found_identities (library_id, inode);
CREATE INDEX found_identities_by_scan ON found_identities (library_id, scan_id);

-- Rows under whose names there is another file than before: what there was when a scan last got to its end.
CREATE TABLE lost_identities (
  library_id   bigint NOT NULL,
  file_id      bigint NOT NULL,
  directory_id bigint NOT NULL,
  name         bytea NOT NULL,
  kind         "char" NOT NULL,
  size         bigint NOT NULL,
  mtime_ns     bigint NOT NULL,
  btime_ns     bigint,
  inode        bigint NOT NULL,
  scan_id      bigint NOT NULL,
  PRIMARY KEY (library_id, file_id)
);
CREATE INDEX lost_identities_by_scan ON lost_identities (library_id, scan_id, file_id);

-- What a scan's `finalise` slice takes for moved, each to the place of a row that was found.
CREATE TABLE staged_moves (
  scan_id        bigint NOT NULL,
  library_id     bigint NOT NULL,
  -- The row that was found there when the move was found out.
  to_file_id     bigint NOT NULL,
  to_directory   bigint NOT NULL,
  to_name        bytea NOT NULL,
  -- What is there.
  kind           "char" NOT NULL,
  size           bigint NOT NULL,
  mtime_ns       bigint NOT NULL,
  ctime_ns       bigint NOT NULL,
  btime_ns       bigint,
  inode          bigint NOT NULL,
  mode           integer NOT NULL,
  -- The row that goes there, and from where.
  file_id        bigint NOT NULL,
  from_directory bigint NOT NULL,
  from_name      bytea NOT NULL,
  -- Another file has taken the place from which it goes; otherwise nothing has.
  leaves_place   boolean NOT NULL,
  -- More than one row would go there: none does.
  ambiguous      boolean NOT NULL,
  -- It had to leave its place before its own turn came, and is a tombstone meanwhile.
  displaced      boolean NOT NULL DEFAULT false,
  PRIMARY KEY (scan_id, to_file_id)
);
CREATE INDEX staged_moves_by_file ON staged_moves (scan_id, file_id);
CREATE INDEX staged_moves_by_library ON staged_moves (library_id);

-- Removed files in whose place there is another one that has moved there: they are gone, and no limit holds them.
ALTER TABLE scans ADD COLUMN files_displaced bigint NOT NULL DEFAULT 0;

-- The last scan of the library before this one that got to its end; 0 where there is none. The identities of it and
-- of older ones are nobody's any more. In a query it is called in a subquery of its own, so that it is so but once.
CREATE FUNCTION scan_ended_before(p_scan bigint) RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT coalesce((
    SELECT e.id FROM scans s JOIN scans e ON e.library_id = s.library_id AND e.id < s.id AND e.status IN ('completed', 'partial')
     WHERE s.id = p_scan ORDER BY e.id DESC LIMIT 1), 0)
$$;

-- Begins the search for moves anew: deletes at most p_limit of what another claim has found. Returns whether any of
-- that is left, and whether there is anything to search among: nothing once the verdict is set, nor where it has been
-- confirmed what was held. What had moved then is given up.
CREATE FUNCTION begin_moves(p_scan bigint, p_number integer, p_epoch integer, p_claim uuid, p_limit integer)
RETURNS TABLE (is_left boolean, is_found boolean) LANGUAGE plpgsql AS $$
DECLARE
  v_scan  scans;
  v_found bigint;
BEGIN
  PERFORM fence_finalise(p_scan, p_number, p_epoch, p_claim);
  SELECT * INTO v_scan FROM scans WHERE id = p_scan AND coalesce(removal_verdict, 'confirm') = 'confirm';
  IF NOT FOUND THEN
    RETURN QUERY SELECT false, false;
    RETURN;
  END IF;
  DELETE FROM staged_moves WHERE ctid = ANY (ARRAY(SELECT ctid FROM staged_moves WHERE scan_id = p_scan LIMIT p_limit));
  SELECT f.scan_id INTO v_found FROM found_identities f
   WHERE f.library_id = v_scan.library_id AND v_scan.removal_verdict IS NULL ORDER BY f.scan_id DESC LIMIT 1;
  RETURN QUERY SELECT EXISTS (SELECT 1 FROM staged_moves WHERE scan_id = p_scan),
                      coalesce(v_found > scan_ended_before(p_scan), false);
END $$;

-- Stages the moves of some rows, by their ids and places, that are missing, or whose places were taken
-- (p_leave_places). Safe to repeat. Returns how many of them may have moved.
CREATE FUNCTION match_files(p_scan bigint, p_files bigint[], p_directories bigint[], p_names bytea[], p_leave_places boolean)
RETURNS bigint LANGUAGE plpgsql
  SET plan_cache_mode = force_custom_plan SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off
  -- But where there is no other way: nobody can tell how many directories there will be.
  SET enable_nestloop = off AS $$
DECLARE
  v_library bigint := (SELECT library_id FROM scans WHERE id = p_scan);
  v_ended   bigint := scan_ended_before(p_scan);
  v_moves   bigint;
BEGIN
  WITH RECURSIVE lost AS MATERIALIZED (
    -- As it was when a scan last got to its end; a row that is younger was nothing then.
    SELECT s.id, s.directory_id, s.name, CASE WHEN l.file_id IS NULL THEN u.kind ELSE l.kind END AS kind,
           CASE WHEN l.file_id IS NULL THEN u.size ELSE l.size END AS size,
           CASE WHEN l.file_id IS NULL THEN u.mtime_ns ELSE l.mtime_ns END AS mtime_ns,
           CASE WHEN l.file_id IS NULL THEN u.btime_ns ELSE l.btime_ns END AS btime_ns,
           CASE WHEN l.file_id IS NULL THEN u.inode ELSE l.inode END AS inode
      FROM unnest(p_files, p_directories, p_names) AS s(id, directory_id, name)
     CROSS JOIN LATERAL (
       SELECT f.kind, f.size, f.mtime_ns, f.btime_ns, f.inode FROM files f
        WHERE f.library_id = v_library AND f.directory_id = s.directory_id AND f.name = s.name AND f.id = s.id
          AND f.removed_at IS NULL OFFSET 0) u
      LEFT JOIN LATERAL (
       SELECT i.file_id, i.kind, i.size, i.mtime_ns, i.btime_ns, i.inode FROM lost_identities i
        WHERE i.library_id = v_library AND i.file_id = s.id AND i.scan_id > v_ended OFFSET 0) l ON true
     WHERE l.file_id IS NOT NULL OR NOT EXISTS (
       SELECT 1 FROM found_identities i WHERE i.library_id = v_library AND i.file_id = s.id AND i.scan_id > v_ended OFFSET 0)
  ), pair AS MATERIALIZED (
    SELECT l.id, l.directory_id, l.name, u.id AS to_id, u.directory_id AS to_directory, u.name AS to_name, u.kind, u.size,
           u.mtime_ns, u.ctime_ns, u.btime_ns, u.inode, u.mode
      FROM lost l CROSS JOIN LATERAL (
        SELECT i.file_id, i.directory_id, i.name FROM found_identities i
         WHERE i.library_id = v_library AND i.inode = l.inode AND i.scan_id > v_ended OFFSET 0) i
     CROSS JOIN LATERAL (
        SELECT f.* FROM files f
         WHERE f.library_id = v_library AND f.directory_id = i.directory_id AND f.name = i.name AND f.id = i.file_id
           AND f.removed_at IS NULL AND f.inode = l.inode AND f.size = l.size AND f.mtime_ns = l.mtime_ns AND f.kind = l.kind
           AND coalesce(f.btime_ns = l.btime_ns, true) OFFSET 0) u
     WHERE NOT EXISTS (
       SELECT 1 FROM staged_removals r WHERE r.scan_id = p_scan AND r.kind = 'f' AND r.row_id = u.id OFFSET 0)
  ), way AS (
    -- From each directory up to the root: the mount that it lies on, and whether it is missing itself.
    SELECT DISTINCT d.id AS start, d.id AS id, NULL::bigint AS mount, false AS gone
      FROM pair p CROSS JOIN LATERAL (VALUES (p.directory_id), (p.to_directory)) AS d(id)
     UNION ALL
    SELECT w.start, d.parent_id, coalesce(w.mount, CASE WHEN d.boundary OR d.parent_id IS NULL THEN w.id END), w.gone OR d.gone
      FROM way w CROSS JOIN LATERAL (
        SELECT u.parent_id, u.boundary, u.removed_at IS NOT NULL OR EXISTS (
                 SELECT 1 FROM staged_removals r
                  WHERE r.scan_id = p_scan AND r.kind = 'd' AND r.row_id = u.id AND r.directory_id = u.parent_id AND r.name = u.name) AS gone
          FROM directories u WHERE u.library_id = v_library AND u.id = w.id OFFSET 0) d
     WHERE w.id IS NOT NULL
  ), fitting AS (
    SELECT p.*, count(*) OVER (PARTITION BY p.id) AS places
      FROM pair p JOIN way f ON f.start = p.directory_id AND f.id IS NULL JOIN way t ON t.start = p.to_directory AND t.id IS NULL
     WHERE f.mount = t.mount AND NOT t.gone
  ), move AS (
    SELECT m.*, count(*) OVER (PARTITION BY m.to_id) AS rivals, row_number() OVER (PARTITION BY m.to_id ORDER BY m.id) AS turn
      FROM fitting m WHERE m.places = 1
  )
  INSERT INTO staged_moves (scan_id, library_id, to_file_id, to_directory, to_name, kind, size, mtime_ns, ctime_ns, btime_ns,
                            inode, mode, file_id, from_directory, from_name, leaves_place, ambiguous)
  SELECT p_scan, v_library, to_id, to_directory, to_name, kind, size, mtime_ns, ctime_ns, btime_ns,
         inode, mode, id, directory_id, name, p_leave_places, rivals > 1
    FROM move WHERE turn = 1
  ON CONFLICT (scan_id, to_file_id) DO UPDATE SET ambiguous = true
   WHERE staged_moves.file_id <> excluded.file_id OR excluded.ambiguous;
  GET DIAGNOSTICS v_moves = ROW_COUNT;
  RETURN v_moves;
END $$;

-- The next p_limit of the files that a scan has staged as missing, after the row p_after. Returns the last row's id, NULL
-- where there are no more, and how many may have moved. RC001 as in fence_finalise, also below.
CREATE FUNCTION match_staged(p_scan bigint, p_number integer, p_epoch integer, p_claim uuid, p_after bigint, p_limit bigint)
RETURNS TABLE (last bigint, moves bigint) LANGUAGE plpgsql
  SET plan_cache_mode = force_custom_plan SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off AS $$
DECLARE
  v_files       bigint[];
  v_directories bigint[];
  v_names       bytea[];
BEGIN
  PERFORM fence_finalise(p_scan, p_number, p_epoch, p_claim);
  SELECT array_agg(s.row_id), array_agg(s.directory_id), array_agg(s.name) INTO v_files, v_directories, v_names FROM (
    SELECT row_id, directory_id, name FROM staged_removals
     WHERE scan_id = p_scan AND kind = 'f' AND row_id > p_after ORDER BY row_id LIMIT p_limit) s;
  RETURN QUERY SELECT v_files[cardinality(v_files)], match_files(p_scan, v_files, v_directories, v_names, false);
END $$;

-- Does so with the files of many directories, in the order of the given ones and of their names; of the first one those
-- after a name. Returns the place of the last one's directory, from 1, and its name; NULL where there are no more.
CREATE FUNCTION match_below(
  p_scan bigint, p_number integer, p_epoch integer, p_claim uuid, p_directories bigint[], p_after bytea, p_limit bigint
) RETURNS TABLE (place bigint, last bytea, moves bigint) LANGUAGE plpgsql
  SET plan_cache_mode = force_custom_plan SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off AS $$
DECLARE
  v_library     bigint := (SELECT library_id FROM scans WHERE id = p_scan);
  v_places      bigint[];
  v_files       bigint[];
  v_directories bigint[];
  v_names       bytea[];
  v_moves       bigint;
BEGIN
  PERFORM fence_finalise(p_scan, p_number, p_epoch, p_claim);
  SELECT array_agg(c.place), array_agg(c.id), array_agg(c.directory_id), array_agg(c.name)
    INTO v_places, v_files, v_directories, v_names FROM (
      SELECT p.place, f.* FROM unnest(p_directories) WITH ORDINALITY AS p(id, place) CROSS JOIN LATERAL (
        SELECT u.id, u.directory_id, u.name FROM files u
         WHERE u.library_id = v_library AND u.directory_id = p.id AND u.removed_at IS NULL
           AND u.name > CASE p.place WHEN 1 THEN p_after ELSE ''::bytea END
         ORDER BY u.name LIMIT p_limit) f
       ORDER BY p.place, f.name LIMIT p_limit) c;
  v_moves := match_files(p_scan, v_files, v_directories, v_names, false);
  IF cardinality(v_files) < p_limit THEN
    v_places := NULL;
  END IF;
  RETURN QUERY SELECT v_places[cardinality(v_places)], v_names[cardinality(v_places)], v_moves;
END $$;

-- Does so with what there was under names that bear other files now, after the row p_after that the scan p_after_scan
-- has noted, in the order of scans and ids. After the others: what is missing by now has no place to leave, whatever it
-- was.
CREATE FUNCTION match_replaced(
  p_scan bigint, p_number integer, p_epoch integer, p_claim uuid, p_after_scan bigint, p_after bigint, p_limit bigint
) RETURNS TABLE (last_scan bigint, last bigint, moves bigint) LANGUAGE plpgsql
  SET plan_cache_mode = force_custom_plan SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off AS $$
DECLARE
  v_library     bigint := (SELECT library_id FROM scans WHERE id = p_scan);
  v_first       bigint := scan_ended_before(p_scan) + 1;
  v_scans       bigint[];
  v_files       bigint[];
  v_directories bigint[];
  v_names       bytea[];
BEGIN
  PERFORM fence_finalise(p_scan, p_number, p_epoch, p_claim);
  IF p_after_scan < v_first THEN
    p_after_scan := v_first;
    p_after := 0;
  END IF;
  SELECT array_agg(s.scan_id), array_agg(s.file_id), array_agg(s.directory_id), array_agg(s.name)
    INTO v_scans, v_files, v_directories, v_names FROM (
    SELECT scan_id, file_id, directory_id, name FROM lost_identities
     WHERE library_id = v_library AND (scan_id, file_id) > (p_after_scan, p_after) ORDER BY scan_id, file_id LIMIT p_limit) s;
  RETURN QUERY SELECT v_scans[cardinality(v_scans)], v_files[cardinality(v_files)],
                      match_files(p_scan, v_files, v_directories, v_names, true);
END $$;

-- As what a scan has counted a row so far: 'a' added, 'u' updated, '' unchanged.
CREATE FUNCTION counted_as(p_library bigint, p_scan bigint, p_file bigint, p_first_scan bigint) RETURNS text
LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN p_first_scan = p_scan THEN 'a' ELSE coalesce((
    SELECT min(c.change::text) FROM scan_changes c
     WHERE c.library_id = p_library AND c.scan_id = p_scan AND c.change = ANY ('{a,u}'::"char"[]) AND (c.kind <> 'd')
       AND c.file_id = p_file), '') END
$$;

-- Applies one batch of what a scan has staged as moved: at most p_limit rows. Each takes the place, and so the
-- attributes, of the row that was found there, in whatever order their turns come:
--
--   who was there        is new             its row is deleted: it was this file
--                        was a tombstone    it is one again, when a scan last got to its end
--                        moves on           it does so in this batch, or is a tombstone until its own turn comes
--                        is none of these   another file's, which is gone: a tombstone, removed by this scan
--   what a row leaves    is missing         nothing: no row is there any more
--                        bears another file that file gets a new row, unless another row goes there in this batch
--
-- So every batch leaves every name that there is with exactly one row, and the counters with it: a place counted as
-- added, updated or unchanged when it was walked counts as moved. Returns how many rows have moved, and whether any is
-- left. RC002 also before the verdict. Locks in the order slice, catalogue rows, scan.
CREATE FUNCTION apply_moves(p_scan bigint, p_number integer, p_epoch integer, p_claim uuid, p_limit integer)
RETURNS TABLE (files bigint, is_left boolean) LANGUAGE plpgsql
  SET plan_cache_mode = force_custom_plan SET enable_seqscan = off SET enable_bitmapscan = off
  SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
DECLARE
  -- Where a row waits that has left its name: no file can have it.
  c_nowhere CONSTANT bytea := '\x00';
  -- One block of ids, of which each new row needs one.
  c_block   CONSTANT integer := 8192;
  v_library bigint;
  v_ended   bigint := scan_ended_before(p_scan);
  v_last    bigint;
  v_there   record;
  v_left    record;
  v_new     bigint;
  v_moved   bigint;
  v_files   bigint[];
  -- Tombstones whose turn comes now.
  v_back    bigint[];
  v_gone    bigint;
BEGIN
  PERFORM fence_finalise(p_scan, p_number, p_epoch, p_claim);
  -- Whoever commits a batch gets somewhere: the attempts start anew.
  UPDATE slices SET attempts = 0 WHERE scan_id = p_scan AND number = p_number AND attempts > 0;
  SELECT library_id INTO v_library FROM scans
   WHERE id = p_scan AND status IN ('running', 'paused') AND removal_verdict IS NOT NULL;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'scan % has ended, or is not to move anything yet', p_scan USING ERRCODE = 'RC002';
  END IF;
  SELECT max(b.to_file_id) INTO v_last FROM (
    SELECT to_file_id FROM staged_moves WHERE scan_id = p_scan ORDER BY to_file_id LIMIT least(p_limit, c_block)) b;
  IF v_last IS NULL THEN
    RETURN QUERY SELECT 0::bigint, false;
    RETURN;
  END IF;

  -- What cannot be told, what is where it was, and what is no longer as it was found.
  DELETE FROM staged_moves m
   WHERE m.scan_id = p_scan AND m.to_file_id <= v_last
     AND (m.ambiguous OR m.file_id = m.to_file_id
          OR NOT m.displaced AND NOT EXISTS (
            SELECT 1 FROM files u
             WHERE u.library_id = v_library AND u.directory_id = m.from_directory AND u.name = m.from_name AND u.id = m.file_id
               AND u.removed_at IS NULL OFFSET 0)
          OR NOT EXISTS (
            SELECT 1 FROM files u
             WHERE u.library_id = v_library AND u.directory_id = m.to_directory AND u.name = m.to_name AND u.removed_at IS NULL
            OFFSET 0));
  v_files := ARRAY(SELECT file_id FROM staged_moves WHERE scan_id = p_scan AND to_file_id <= v_last);
  v_back := ARRAY(SELECT file_id FROM staged_moves WHERE scan_id = p_scan AND to_file_id <= v_last AND displaced);

  -- Who is there now, as what it was counted, and what becomes of it.
  SELECT coalesce(array_agg(o.id), '{}') AS files,
         coalesce(array_agg(o.ctid) FILTER (WHERE o.fate = 'deleted'), '{}') AS deleted,
         coalesce(array_agg(o.ctid) FILTER (WHERE o.fate = 'again'), '{}') AS again,
         coalesce(array_agg(o.ctid) FILTER (WHERE o.fate IN ('waits', 'gone')), '{}') AS gone,
         coalesce(array_agg(o.id) FILTER (WHERE o.fate = 'waits'), '{}') AS waiting,
         count(*) FILTER (WHERE o.counted = 'a') AS added, count(*) FILTER (WHERE o.counted = 'u') AS updated,
         count(*) FILTER (WHERE o.counted = '') AS unchanged
    INTO v_there
    FROM staged_moves m CROSS JOIN LATERAL (
      SELECT u.ctid, u.id, counted_as(v_library, p_scan, u.id, u.first_scan) AS counted,
             CASE WHEN n.to_file_id <= v_last THEN 'moves' WHEN n.to_file_id IS NOT NULL THEN 'waits'
                  WHEN u.first_scan > v_ended THEN 'deleted'
                  WHEN NOT EXISTS (
                    SELECT 1 FROM lost_identities i WHERE i.library_id = v_library AND i.file_id = u.id AND i.scan_id > v_ended)
                  THEN 'again' ELSE 'gone' END AS fate
        FROM files u LEFT JOIN LATERAL (
          SELECT s.to_file_id FROM staged_moves s
           WHERE s.scan_id = p_scan AND s.file_id = u.id AND NOT s.ambiguous AND s.file_id <> s.to_file_id OFFSET 0) n ON true
       WHERE u.library_id = v_library AND u.directory_id = m.to_directory AND u.name = m.to_name AND u.removed_at IS NULL
      OFFSET 0) o
   WHERE m.scan_id = p_scan AND m.to_file_id <= v_last;

  -- The places that are left to other files, and to which no row goes in this batch: as what they were counted.
  SELECT coalesce(array_agg(o.ctid), '{}') AS rows, coalesce(array_agg(o.id) FILTER (WHERE o.is_taken), '{}') AS taken,
         count(*) FILTER (WHERE NOT o.is_taken AND o.counted = 'a') AS added,
         count(*) FILTER (WHERE NOT o.is_taken AND o.counted = 'u') AS updated,
         count(*) FILTER (WHERE NOT o.is_taken AND o.counted = '') AS unchanged
    INTO v_left
    FROM staged_moves m CROSS JOIN LATERAL (
      SELECT u.ctid, u.id, counted_as(v_library, p_scan, u.id, u.first_scan) AS counted, EXISTS (
               SELECT 1 FROM staged_moves s WHERE s.scan_id = p_scan AND s.to_file_id = u.id AND s.to_file_id <= v_last) AS is_taken
        FROM files u
       WHERE u.library_id = v_library AND u.directory_id = m.from_directory AND u.name = m.from_name AND u.id = m.file_id
         AND u.removed_at IS NULL OFFSET 0) o
   WHERE m.scan_id = p_scan AND m.to_file_id <= v_last AND m.leaves_place AND NOT m.displaced;

  -- What the scan has told of these rows so far is not what they come to.
  DELETE FROM scan_changes c WHERE c.library_id = v_library AND c.ctid = ANY (ARRAY(
    SELECT r.row FROM (
      SELECT f.id, w.change FROM unnest(v_there.files || v_files) AS f(id) CROSS JOIN unnest('{a,u}'::"char"[]) AS w(change)
       UNION ALL SELECT b.id, 'r'::"char" FROM unnest(v_back) AS b(id)) t
     CROSS JOIN LATERAL (
      SELECT x.ctid AS row FROM scan_changes x
       WHERE x.library_id = v_library AND x.scan_id = p_scan AND x.change = t.change AND (x.kind <> 'd') AND x.file_id = t.id
      OFFSET 0) r));

  -- Names are vacated before they are given.
  DELETE FROM files f WHERE f.library_id = v_library AND f.ctid = ANY (v_there.deleted);
  UPDATE files f SET removed_at = now(), changed_scan = p_scan WHERE f.library_id = v_library AND f.ctid = ANY (v_there.again);
  WITH gone AS (
    UPDATE files f SET removed_at = now(), changed_scan = p_scan WHERE f.library_id = v_library AND f.ctid = ANY (v_there.gone)
    RETURNING f.id, f.kind, f.directory_id, f.name
  )
  INSERT INTO scan_changes (library_id, scan_id, change, kind, file_id, directory_id, name)
  SELECT v_library, p_scan, 'r', kind, id, directory_id, name FROM gone;
  v_gone := cardinality(v_there.gone) - cardinality(v_back);
  WITH vacated AS (
    UPDATE files f SET name = c_nowhere || int8send(f.id) FROM staged_moves m
     WHERE f.library_id = v_library AND f.ctid = ANY (v_left.rows) AND m.scan_id = p_scan AND m.file_id = f.id
    RETURNING f.id, f.directory_id, m.from_name, f.kind, f.size, f.mtime_ns, f.ctime_ns, f.btime_ns, f.inode, f.mode
  ), place AS (
    SELECT v.*, row_number() OVER (ORDER BY v.id) - 1 AS turn FROM vacated v WHERE v.id <> ALL (v_left.taken)
  ), block AS MATERIALIZED (
    SELECT nextval('file_ids') AS first
  )
  INSERT INTO files (library_id, id, directory_id, name, kind, size, mtime_ns, ctime_ns, btime_ns, inode, mode, first_scan, changed_scan)
  SELECT v_library, b.first + p.turn, p.directory_id, p.from_name, p.kind, p.size, p.mtime_ns, p.ctime_ns, p.btime_ns, p.inode,
         p.mode, p_scan, p_scan
    FROM place p CROSS JOIN block b;
  GET DIAGNOSTICS v_new = ROW_COUNT;

  UPDATE files f
     SET directory_id = m.to_directory, name = m.to_name, kind = m.kind, size = m.size, mtime_ns = m.mtime_ns,
         ctime_ns = m.ctime_ns, btime_ns = m.btime_ns, inode = m.inode, mode = m.mode, changed_scan = p_scan, removed_at = NULL
    FROM (
      SELECT s.*, x.row FROM staged_moves s CROSS JOIN LATERAL (
        SELECT u.ctid AS row FROM files u
         WHERE NOT s.displaced AND u.library_id = v_library AND u.directory_id = s.from_directory AND u.id = s.file_id
           AND u.name = CASE WHEN s.leaves_place THEN c_nowhere || int8send(s.file_id) ELSE s.from_name END AND u.removed_at IS NULL
        UNION ALL
        SELECT u.ctid FROM files u
         WHERE s.displaced AND u.library_id = v_library AND u.directory_id = s.from_directory AND u.id = s.file_id
           AND u.name = s.from_name AND u.removed_at IS NOT NULL
        OFFSET 0) x
       WHERE s.scan_id = p_scan AND s.to_file_id <= v_last) m
   WHERE f.library_id = v_library AND f.ctid = m.row;
  GET DIAGNOSTICS v_moved = ROW_COUNT;
  INSERT INTO scan_changes (library_id, scan_id, change, kind, file_id, directory_id, name, from_directory_id, from_name)
  SELECT v_library, p_scan, 'm', kind, file_id, to_directory, to_name, from_directory, from_name
    FROM staged_moves WHERE scan_id = p_scan AND to_file_id <= v_last;

  UPDATE directories d SET signature = NULL, signature_version = NULL
   WHERE d.library_id = v_library AND d.signature IS NOT NULL AND d.id = ANY (ARRAY(
     SELECT DISTINCT from_directory FROM staged_moves WHERE scan_id = p_scan AND to_file_id <= v_last AND NOT leaves_place));
  DELETE FROM staged_removals WHERE scan_id = p_scan AND kind = 'f' AND row_id = ANY (v_files);
  UPDATE staged_moves SET displaced = true WHERE scan_id = p_scan AND file_id = ANY (v_there.waiting);
  DELETE FROM staged_moves WHERE scan_id = p_scan AND to_file_id <= v_last;
  UPDATE scans
     SET files_moved = files_moved + v_moved, files_added = files_added + v_new - v_there.added - v_left.added,
         files_updated = files_updated - v_there.updated - v_left.updated,
         files_unchanged = files_unchanged - v_there.unchanged - v_left.unchanged,
         files_removed = files_removed + v_gone, files_displaced = files_displaced + v_gone
   WHERE id = p_scan;
  RETURN QUERY SELECT v_moved, EXISTS (SELECT 1 FROM staged_moves WHERE scan_id = p_scan);
END $$;

-- Sets the verdict, once: `hold` where more missing files would go than `removal_limit` and more than
-- `removal_limit_percent` percent of what the library had before this scan, without what was excluded; `apply`
-- otherwise, and always where somebody has confirmed it. Returns it, also when it was set before. p_files is how
-- many would go, as the caller has counted: if it is not fenced now, it has had the library to itself meanwhile.
-- What is excluded has gone before. What has only moved, as far as it is among them, does not go.
CREATE OR REPLACE FUNCTION decide_removals(p_scan bigint, p_number integer, p_epoch integer, p_claim uuid, p_files bigint)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  c_grouped CONSTANT text := 'FM9,999,999,999,999,999,999';
  v_slice   slices := fence_finalise(p_scan, p_number, p_epoch, p_claim);
  v_scan    scans;
  v_moved   bigint;
  v_files   bigint;
  v_library bigint;
  v_limit   bigint;
  v_percent bigint;
  v_sure    boolean;
  v_held    boolean;
BEGIN
  SELECT * INTO v_scan FROM scans WHERE id = p_scan AND status IN ('running', 'paused') FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'scan % has ended', p_scan USING ERRCODE = 'RC002';
  ELSIF v_scan.removal_verdict <> 'confirm' THEN
    RETURN v_scan.removal_verdict;
  ELSIF EXISTS (SELECT 1 FROM staged_removals WHERE scan_id = p_scan AND excluded) THEN
    RAISE EXCEPTION 'scan % cannot decide: what it has staged as excluded has not gone', p_scan;
  END IF;

  SELECT count(*) INTO v_moved FROM staged_moves WHERE scan_id = p_scan AND NOT ambiguous AND NOT leaves_place;
  v_files := p_files - v_moved;
  v_library := v_scan.files_seen - v_scan.files_added + p_files;
  v_limit := coalesce((v_scan.rules->>'removal_limit')::bigint, 1000);
  v_percent := coalesce((v_scan.rules->>'removal_limit_percent')::bigint, 50);
  v_sure := v_scan.removal_verdict IS NOT NULL;
  v_held := NOT v_sure AND v_files > v_limit AND v_files * 100 > v_percent * v_library;
  IF v_held THEN
    PERFORM hold_removals(p_scan, v_files, format(
      '%s of %s files are missing, which is more than this library''s removal limits (%s files and %s %%) let go: '
      'none of them was removed. If they should be there, see to the tree (is everything mounted?) and scan again. '
      'If they are gone for good: %s',
      to_char(v_files, c_grouped), to_char(v_library, c_grouped), to_char(v_limit, c_grouped), v_percent,
      holding_advice(p_scan)));
  ELSE
    UPDATE scans SET removal_verdict = 'apply', removals_held = 0 WHERE id = p_scan;
  END IF;
  INSERT INTO scan_events (scan_id, event, actor, detail)
  VALUES (p_scan, CASE WHEN v_held THEN 'removals_held' ELSE 'removals_applied' END, v_slice.worker,
          jsonb_build_object('files', v_files, 'moved', v_moved, 'excluded', v_scan.files_removed - v_scan.files_displaced,
                             'library_files', v_library,
                             'removal_limit', v_limit, 'removal_limit_percent', v_percent, 'confirmed', v_sure));
  RETURN CASE WHEN v_held THEN 'hold' ELSE 'apply' END;
END $$;

-- Ends a scan past its verdict whose `finalise` slice cannot go on: what has not been removed is held, and so is what
-- has moved and has not been put to its new place, whose ids are given up: nobody applies its moves any more. Returns the end state. RC001 as above. Of what was confirmed and not
-- decided again removals_held counts what it did, although some of it may have been found since.
CREATE OR REPLACE FUNCTION hold_rest(p_scan bigint, p_number integer, p_epoch integer, p_claim uuid, p_error text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  v_slice slices := fence_finalise(p_scan, p_number, p_epoch, p_claim);
  v_scan  scans;
  v_files bigint;
  -- Missing files that the verdict took for moved, and whose rows are where they were.
  v_unmoved bigint;
BEGIN
  SELECT * INTO v_scan FROM scans WHERE id = p_scan FOR UPDATE;
  SELECT count(*) INTO v_unmoved FROM staged_moves
   WHERE scan_id = p_scan AND NOT ambiguous AND NOT leaves_place AND NOT displaced;
  IF v_scan.removal_verdict <> 'hold' AND NOT EXISTS (SELECT 1 FROM staged_removals WHERE scan_id = p_scan) THEN
    UPDATE scans SET removal_verdict = 'apply', removals_held = 0 WHERE id = p_scan;
  ELSIF v_scan.removal_verdict <> 'hold' THEN
    v_files := v_scan.removals_held;
    IF v_scan.removal_verdict = 'apply' THEN
      -- Of what the verdict was about, what has not been removed since: `excluded` is what went before it.
      SELECT (e.detail->>'files')::bigint + v_unmoved
             - (v_scan.files_removed - v_scan.files_displaced - coalesce((e.detail->>'excluded')::bigint, 0)) INTO v_files
        FROM scan_events e WHERE e.scan_id = p_scan AND e.event = 'removals_applied' ORDER BY e.id DESC LIMIT 1;
    END IF;
    PERFORM hold_removals(p_scan, v_files, format(
      '%s could not be removed from the catalogue: %s. %s', files_missing(v_files), p_error,
      holding_advice(p_scan)));
    INSERT INTO scan_events (scan_id, event, actor, detail)
    VALUES (p_scan, 'removals_held', v_slice.worker, jsonb_build_object('files', v_files, 'error', p_error));
  ELSE
    UPDATE scans SET removals_held = removals_held + v_unmoved WHERE id = p_scan AND v_unmoved > 0;
  END IF;
  RETURN end_scan(p_scan, p_number, p_epoch, p_claim, v_slice.worker);
END $$;

-- Deletes at most p_limit of the identities and moves that nobody wants any more: moves of scans that have ended, and
-- identities up to a library's last scan that got to its end, whatever runs. Returns how many. Waits for nobody.
CREATE FUNCTION drop_left_identities(p_limit bigint) RETURNS bigint LANGUAGE plpgsql
  SET plan_cache_mode = force_custom_plan SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off AS $$
DECLARE
  v_table   text;
  v_library bigint;
  v_scan    bigint := 0;
  v_count   bigint;
  v_dropped bigint := 0;
BEGIN
  -- From one scan, and from one library, to the next in an index, however many rows each has.
  WHILE v_dropped < p_limit LOOP
    SELECT m.scan_id INTO v_scan FROM staged_moves m WHERE m.scan_id > v_scan ORDER BY m.scan_id LIMIT 1;
    EXIT WHEN NOT FOUND;
    CONTINUE WHEN EXISTS (SELECT 1 FROM scans s WHERE s.id = v_scan AND s.status IN ('pending', 'running', 'paused'));
    DELETE FROM staged_moves WHERE ctid = ANY (ARRAY(
      SELECT m.ctid FROM staged_moves m WHERE m.scan_id = v_scan LIMIT p_limit - v_dropped FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS v_count = ROW_COUNT;
    v_dropped := v_dropped + v_count;
  END LOOP;
  FOREACH v_table IN ARRAY ARRAY['lost_identities', 'found_identities'] LOOP
    v_library := 0;
    WHILE v_dropped < p_limit LOOP
      EXECUTE format('SELECT library_id FROM %I WHERE library_id > $1 ORDER BY library_id LIMIT 1', v_table)
         INTO v_library USING v_library;
      EXIT WHEN v_library IS NULL;
      SELECT max(s.id) INTO v_scan FROM scans s WHERE s.library_id = v_library AND s.status IN ('completed', 'partial');
      CONTINUE WHEN v_scan IS NULL;
      EXECUTE format($s$
        DELETE FROM %1$I WHERE ctid = ANY (ARRAY(
          SELECT ctid FROM %1$I WHERE library_id = $1 AND scan_id <= $2 LIMIT $3 FOR UPDATE SKIP LOCKED))
        $s$, v_table) USING v_library, v_scan, p_limit - v_dropped;
      GET DIAGNOSTICS v_count = ROW_COUNT;
      v_dropped := v_dropped + v_count;
    END LOOP;
  END LOOP;
  RETURN v_dropped;
END $$;

-- Last step of a removal, after the partitions are gone: the rows about the library and its scans.
CREATE OR REPLACE FUNCTION forget_library(p_library bigint) RETURNS void LANGUAGE sql AS $$
  DELETE FROM staged_removals WHERE library_id = p_library;
  DELETE FROM staged_moves WHERE library_id = p_library;
  DELETE FROM found_identities WHERE library_id = p_library;
  DELETE FROM lost_identities WHERE library_id = p_library;
  DELETE FROM errors WHERE library_id = p_library;
  DELETE FROM error_counts WHERE library_id = p_library;
  DELETE FROM scan_error_counts WHERE scan_id IN (SELECT id FROM scans WHERE library_id = p_library);
  DELETE FROM scan_events WHERE scan_id IN (SELECT id FROM scans WHERE library_id = p_library);
  DELETE FROM scan_shares WHERE scan_id IN (SELECT id FROM scans WHERE library_id = p_library);
  DELETE FROM slices WHERE scan_id IN (SELECT id FROM scans WHERE library_id = p_library);
  DELETE FROM scans WHERE library_id = p_library;
  DELETE FROM libraries WHERE id = p_library AND removing;
$$;
