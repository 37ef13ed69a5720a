-- Whether a scan before $2 has committed anything of library $1: its root's row is older.
SELECT EXISTS (
  SELECT 1 FROM libraries l JOIN directories d ON d.library_id = l.id AND d.id = l.root_directory
   WHERE l.id = $1 AND d.library_id = $1 AND d.first_scan < $2)
