-- Adding and removing libraries. A library is one partition of `directories` and one of `files`.

-- Adds a library with its partitions and the row of its root directory, and returns its id.
-- Raises 23505 where the name or the root is taken.
CREATE FUNCTION add_library(p_name text, p_root_path text, p_rules jsonb) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
  v_root    bigint := nextval('directory_ids');
  v_library bigint;
BEGIN
  INSERT INTO libraries (name, root_path, root_directory, rules)
  VALUES (p_name, p_root_path, v_root, p_rules) RETURNING id INTO v_library;

  -- Made and filled before they are attached: ATTACH takes no exclusive lock on the parent. The CHECK
  -- spares ATTACH a look at the rows.
  EXECUTE format('CREATE TABLE directories_%s (LIKE directories INCLUDING ALL, CHECK (library_id = %s))', v_library, v_library);
  EXECUTE format('CREATE TABLE files_%s (LIKE files INCLUDING ALL, CHECK (library_id = %s))', v_library, v_library);

  -- Ids are globally unique, so the partition key can stay out of the indexes. Ids and rows of files
  -- arrive in the same order: BRIN finds them at no cost.
  EXECUTE format('CREATE UNIQUE INDEX ON directories_%s (id)', v_library);
  EXECUTE format('CREATE UNIQUE INDEX ON directories_%s (parent_id, name) WHERE removed_at IS NULL', v_library);
  EXECUTE format('CREATE INDEX ON directories_%s (parent_id)', v_library);  -- paths of tombstones too
  EXECUTE format('CREATE UNIQUE INDEX ON files_%s (directory_id, name) WHERE removed_at IS NULL', v_library);
  EXECUTE format('CREATE INDEX ON files_%s USING brin (id) WITH (pages_per_range = 16)', v_library);

  EXECUTE format('INSERT INTO directories_%s (library_id, id, name) VALUES ($1, $2, '''')', v_library) USING v_library, v_root;
  EXECUTE format('ALTER TABLE directories ATTACH PARTITION directories_%s FOR VALUES IN (%s)', v_library, v_library);
  EXECUTE format('ALTER TABLE files ATTACH PARTITION files_%s FOR VALUES IN (%s)', v_library, v_library);
  RETURN v_library;
END $$;

-- First step of a removal: closes the library to admission. Returns the id of the active scan that
-- stands in the way, or NULL. Safe to repeat.
CREATE FUNCTION close_library(p_library bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  v_active bigint;
BEGIN
  UPDATE libraries SET removing = true WHERE id = p_library;
  SELECT id INTO v_active FROM scans WHERE library_id = p_library AND status IN ('pending', 'running', 'paused');
  IF FOUND THEN
    UPDATE libraries SET removing = false WHERE id = p_library;
  END IF;
  RETURN v_active;
END $$;

-- Last step of a removal, after the partitions are gone: the rows about the library and its scans.
CREATE FUNCTION forget_library(p_library bigint) RETURNS void LANGUAGE sql AS $$
  DELETE FROM scan_errors WHERE scan_id IN (SELECT id FROM scans WHERE library_id = p_library);
  DELETE FROM scan_events WHERE scan_id IN (SELECT id FROM scans WHERE library_id = p_library);
  DELETE FROM scan_shares WHERE scan_id IN (SELECT id FROM scans WHERE library_id = p_library);
  DELETE FROM slices WHERE scan_id IN (SELECT id FROM scans WHERE library_id = p_library);
  DELETE FROM scans WHERE library_id = p_library;
  DELETE FROM libraries WHERE id = p_library AND removing;
$$;
