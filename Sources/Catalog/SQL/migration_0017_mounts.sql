-- Which file systems a library lies on, as each host sees them (R18): a file system that went away, came back empty
-- or was exchanged must not look like files that were removed. Written by the first slice that a host walks, and
-- by `library set --accept-root`; read with every claim.
--
-- A nested mount point is its directory's row, so that it stays what it is when a directory above it is renamed.
CREATE TABLE library_mounts (
  library_id     bigint NOT NULL REFERENCES libraries ON DELETE CASCADE,
  -- The library's root_directory, or a mount point below it.
  directory_id   bigint NOT NULL,
  -- '' where an earlier release knew the mount point, and nothing more of it.
  host           text NOT NULL,
  fs_type        text NOT NULL,
  fs_uuid        text CHECK (fs_uuid <> ''),
  -- f_fsid of statfs(2); NULL where the file system has none.
  fs_id          bigint CHECK (fs_id <> 0),
  -- Of the directory itself.
  root_inode     bigint NOT NULL,
  -- That it is empty, or lacks most of what the catalogue knows there, was said to be right.
  accepted       boolean NOT NULL DEFAULT false,
  recorded_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (library_id, directory_id, host)
);

-- What was catalogued on mounts of which nothing is on record: where a library enters them, or has entered them.
INSERT INTO library_mounts (library_id, directory_id, host, fs_type, root_inode)
SELECT d.library_id, d.id, '', '', 0
  FROM libraries l
  JOIN directories d ON d.library_id = l.id AND d.boundary AND d.removed_at IS NULL AND d.parent_id IS NOT NULL
  JOIN directories p ON p.library_id = l.id AND p.id = d.parent_id
 WHERE NOT coalesce((l.rules->>'one_filesystem')::boolean, false) OR d.files IS NOT NULL AND d.device <> p.device;

-- A mount point that is removed may come to be a directory like any other.
CREATE FUNCTION forget_removed_mount() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM library_mounts WHERE library_id = OLD.library_id AND directory_id = OLD.id;
  RETURN NULL;
END $$;

CREATE TRIGGER mount_removed AFTER UPDATE ON directories FOR EACH ROW
  WHEN (OLD.removed_at IS NULL AND NEW.removed_at IS NOT NULL AND OLD.boundary)
  EXECUTE FUNCTION forget_removed_mount();
