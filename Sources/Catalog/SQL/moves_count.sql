-- Counts the directories that this transaction has moved for scan $1, whose row is held since settle_slice.
UPDATE scans SET directories_moved = directories_moved + directories_moved_now() WHERE id = $1
