-- Deletes some of what ended scans have staged and nobody wants any more: a second's worth at the most.
SELECT drop_left_staged(100000)
