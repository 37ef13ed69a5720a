-- claim: takes a slice's lock for a job that lies in a slot's in-flight list.
--
-- KEYS  1 the slot's in-flight list   2 the slice's lock
-- ARGV  1 payload, exact bytes   2 token <worker>/<slot>/<claim>   3 lock's time to live, ms
-- Returns 'claimed'  the lock is this token's, for the whole time to live from now on;
--         'held'     another token has it; one copy of the payload has left the in-flight list;
--         'gone'     the payload is not in the in-flight list; nothing has changed.
-- Safe to repeat: 'claimed' again finds its own token; 'held' again says 'gone', which is as final.
if not redis.call('LPOS', KEYS[1], ARGV[1]) then
  return 'gone'
end
if redis.call('GET', KEYS[2]) == ARGV[2] then
  redis.call('PEXPIRE', KEYS[2], ARGV[3])
  return 'claimed'
end
if redis.call('SET', KEYS[2], ARGV[2], 'NX', 'PX', ARGV[3]) then
  return 'claimed'
end
redis.call('LREM', KEYS[1], 1, ARGV[1])
return 'held'
