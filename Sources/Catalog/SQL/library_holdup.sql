-- Who holds a removal up, in words: the session of another removal; else the oldest transaction that has locked one
-- of the tables $1; else the oldest that has a snapshot, which FINALIZE waits for. No row where nobody does now.
SELECT format('%s (process %s, %s for %s s)', coalesce(nullif(a.application_name, ''), a.backend_type), a.pid, a.state,
              extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, a.state_change))::bigint)
  FROM pg_stat_activity a
  LEFT JOIN LATERAL (
    SELECT bool_or((l.classid::bigint << 32 | l.objid::bigint) = 7203116503 AND l.objsubid = 1) AS removes,
           bool_or(l.relation IN (SELECT to_regclass(name) FROM unnest($1::text[]) name)) AS locks
      FROM pg_locks l WHERE l.pid = a.pid AND l.granted AND l.database = a.datid) held ON true
 WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
   AND (held.removes OR held.locks OR a.backend_xmin IS NOT NULL)
 ORDER BY held.removes IS TRUE DESC, held.locks IS TRUE DESC, a.xact_start
 LIMIT 1
