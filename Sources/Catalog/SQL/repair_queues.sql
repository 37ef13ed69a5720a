-- Where work may lie: every library's queue, and those of active scans, which run under a snapshot.
SELECT rules->>'queue' FROM libraries UNION
SELECT queue FROM scans WHERE status IN ('pending', 'running', 'paused') ORDER BY 1
