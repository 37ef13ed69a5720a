-- A long second look is not given up because workers die in the middle of it: each page of it is kept, so
-- that the next claim goes on there, and begins the slice's attempts anew, as a batch of removals does. What
-- kills whoever looks at it still ends the scan: no page is committed with it.

-- How far the second look of a `finalise` slice has come: up to the staged row of this kind and id, at that
-- time. NULL in other slices, and before its first page.
ALTER TABLE slices
  ADD COLUMN looked_kind "char",
  ADD COLUMN looked_row  bigint,
  ADD COLUMN looked_at   timestamptz;

-- Commits a page of the second look, whose last staged row is that of kind p_kind and id p_row: takes off the
-- list what was found in it, or could not be told of. Safe to repeat. RC001 as in unstage_removals.
CREATE FUNCTION commit_look(
  p_scan bigint, p_number integer, p_epoch integer, p_claim uuid, p_kind text, p_row bigint,
  p_directories bigint[], p_files bigint[]
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM unstage_removals(p_scan, p_number, p_epoch, p_claim, p_directories, p_files);
  UPDATE slices
     SET looked_kind = p_kind::"char", looked_row = p_row, looked_at = clock_timestamp(), attempts = 0,
         last_failure = NULL
   WHERE scan_id = p_scan AND number = p_number;
END $$;
