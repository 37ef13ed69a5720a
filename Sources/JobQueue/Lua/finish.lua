-- finish: ends a job, and puts the pointers that follow from it at the back of the queue.
--
-- KEYS  1 the slot's in-flight list   2 the queue   3 the slice's lock, if the job has one
-- ARGV  1 payload, exact bytes   2 token <worker>/<slot>/<claim>, '' without a lock   3… pointers
-- Returns 1 if one copy of the payload has left the in-flight list, 0 if there was none. Either way the
--         lock is deleted if it is this token's, and the pointers are pushed: the database says that they
--         are due, also where Redis has forgotten the entry.
-- Safe to repeat: the entry and the lock are gone then, and a pointer that lies on the queue twice has
--         one effect. (A byte-identical second message of the same slot would go too; a slot asks for
--         its in-flight entries before it takes, so it has never two in hand.)
local removed = redis.call('LREM', KEYS[1], 1, ARGV[1])
if KEYS[3] and redis.call('GET', KEYS[3]) == ARGV[2] then
  redis.call('DEL', KEYS[3])
end
for pointer = 3, #ARGV do
  redis.call('LPUSH', KEYS[2], ARGV[pointer])
end
return removed
