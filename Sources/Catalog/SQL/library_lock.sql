-- One removal at a time per database. It is tried, never waited for: whoever waits has a snapshot, and the FINALIZE
-- of whoever has the lock would wait for that. The key is this program's own, beside that of the migrations.
SELECT pg_try_advisory_lock(7203116503)
