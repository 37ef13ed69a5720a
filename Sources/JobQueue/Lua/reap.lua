-- reap: returns what a slot has taken and will not finish to the front of the queue.
--
-- KEYS  1 the slot's in-flight list   2 the queue   3 the heartbeat of the slot's worker
--       4 the slice's lock, if the entry is a pointer
-- ARGV  1 payload, exact bytes   2 'dead': only if the worker has no heartbeat; 'unlocked': in any case
-- Returns 'returned'  one copy of the payload has moved to the front of the queue;
--         'alive'     the slice's lock, or the heartbeat that was said to be gone, is there: nothing has
--                     changed;
--         'gone'      the payload is not in the in-flight list (any more).
-- Fails, and leaves the entry where it is, where the queue takes no push.
-- Safe to repeat, and to run by several at once: what has moved is not there a second time.
if KEYS[4] and redis.call('EXISTS', KEYS[4]) == 1 then
  return 'alive'
end
if ARGV[2] == 'dead' and redis.call('EXISTS', KEYS[3]) == 1 then
  return 'alive'
end
if redis.call('LREM', KEYS[1], -1, ARGV[1]) == 0 then
  return 'gone'
end
local pushed = redis.pcall('RPUSH', KEYS[2], ARGV[1])
if type(pushed) == 'table' then
  -- Scripts are not undone: a queue's key that is no list must not cost the message.
  redis.call('RPUSH', KEYS[1], ARGV[1])
  return pushed
end
return 'returned'
