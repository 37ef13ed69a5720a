SELECT pg_advisory_unlock(7203116503)
