-- leave: a worker's graceful end in one queue.
--
-- KEYS  1 the hash of workers   2 the worker's heartbeat   3… the in-flight lists of all its slots
-- ARGV  1 worker
-- Returns 1 if the worker is not registered any more; 0 if entries are left in an in-flight list: then the
--         registration stays, by which whoever returns orphaned work finds that list. The heartbeat goes
--         either way.
-- Safe to repeat: deleting twice is deleting.
redis.call('DEL', KEYS[2])
for list = 3, #KEYS do
  if redis.call('EXISTS', KEYS[list]) == 1 then
    return 0
  end
end
redis.call('HDEL', KEYS[1], ARGV[1])
return 1
