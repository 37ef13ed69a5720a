-- hand back: returns a job that a slot will not do to the queue.
--
-- KEYS  1 the slot's in-flight list   2 the queue   3 the slice's lock, if the job has one
-- ARGV  1 payload, exact bytes   2 token <worker>/<slot>/<claim>, '' without a lock
--       3 'front' (taken next) or 'back'
-- Returns 1 if one copy of the payload has moved to the queue, 0 if there was none in the in-flight list.
--         Either way the lock is deleted if it is this token's.
-- Fails, and changes nothing, where the queue takes no push.
-- Safe to repeat: what has moved is not in the in-flight list any more, and is not pushed again.
local removed = redis.call('LREM', KEYS[1], 1, ARGV[1])
if removed == 1 then
  local pushed = redis.pcall(ARGV[3] == 'front' and 'RPUSH' or 'LPUSH', KEYS[2], ARGV[1])
  if type(pushed) == 'table' then
    -- Scripts are not undone: a queue's key that is no list must not cost the message.
    redis.call('LPUSH', KEYS[1], ARGV[1])
    return pushed
  end
end
if KEYS[3] and redis.call('GET', KEYS[3]) == ARGV[2] then
  redis.call('DEL', KEYS[3])
end
return removed
