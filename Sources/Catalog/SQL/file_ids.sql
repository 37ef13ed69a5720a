-- The first id of a block, and the block's length.
SELECT nextval(seqrelid), seqincrement FROM pg_sequence WHERE seqrelid = 'file_ids'::regclass
