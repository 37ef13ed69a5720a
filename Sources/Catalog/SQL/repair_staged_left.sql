-- Deletes some of what ended scans have staged, and of the identities that they have noted, which nobody wants any
-- more: a second's worth of each at the most.
SELECT drop_left_staged(100000), drop_left_identities(100000)
