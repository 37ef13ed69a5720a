-- Changes rules of the library named $1 to those of the object $2, and leaves all others as they are. The version of
-- the rules is raised where a rule changes that judges entries, for what was listed under the old ones proves nothing
-- any more. Limits, the queue and the pace judge none. $3 has the default of every rule: a row that an earlier release
-- wrote lacks the younger ones, and a rule that is set to what it was by default has not changed.
--
-- One row: the rules before and after, and the active scan, which goes on under its own snapshot, or NULL. No row
-- where there is no such library. An admission waits for it, or it for the admission.
WITH before AS MATERIALIZED (
  SELECT id, rules FROM libraries WHERE name = $1 FOR NO KEY UPDATE
)
UPDATE libraries l
   SET rules = before.rules || $2::jsonb,
       rules_version = l.rules_version
         + EXISTS (
             SELECT FROM unnest(ARRAY['one_filesystem', 'layout', 'extensions', 'max_size', 'symlinks', 'ignore',
                                      'rejected']) AS rule
             WHERE ($3::jsonb || before.rules || $2::jsonb)->rule IS DISTINCT FROM ($3::jsonb || before.rules)->rule
           )::integer
  FROM before
 WHERE l.id = before.id
RETURNING before.rules, l.rules,
          (SELECT s.id FROM scans s WHERE s.library_id = l.id AND s.status IN ('pending', 'running', 'paused'))
