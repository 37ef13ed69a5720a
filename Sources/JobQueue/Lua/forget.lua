-- forget: ends the registration of a dead worker whose in-flight lists are empty.
--
-- KEYS  1 the hash of workers   2 the worker's heartbeat   3… the in-flight lists of all its slots
-- ARGV  1 worker
-- Returns 1 if the worker is not registered any more; 0 if it has a heartbeat, or an entry is left in one
--         of its lists: then nothing has changed.
-- Safe to repeat: deleting twice is deleting.
for key = 2, #KEYS do
  if redis.call('EXISTS', KEYS[key]) == 1 then
    return 0
  end
end
redis.call('HDEL', KEYS[1], ARGV[1])
return 1
