-- One snapshot, in which a running scan's changes and the directories that they lie in belong together. No scan of the
-- partition begins in its middle: the order stays the same.
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;
SET LOCAL synchronize_seqscans = off;
SET LOCAL jit = off;
