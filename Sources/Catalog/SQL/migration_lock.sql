-- One migration at a time per database, whoever starts it. The key is this program's own.
SELECT pg_advisory_lock(7203116502)
