-- dead retry: puts a dead message back on its queue, behind all that waits.
--
-- KEYS  1 the dead list   2 the queue
-- ARGV  1 the dead list's entry, exact bytes   2 the message in it, exact bytes
-- Returns 1 if one copy of the entry has left the dead list and its message is on the queue; 0 if the entry is not
--         there (any more): nothing has changed.
-- Fails, and leaves the entry in the dead list, where the queue takes no push.
-- Safe to repeat: what has left the list is not queued again.
if redis.call('LREM', KEYS[1], -1, ARGV[1]) == 0 then
  return 0
end
local pushed = redis.pcall('LPUSH', KEYS[2], ARGV[2])
if type(pushed) == 'table' then
  -- Scripts are not undone: a queue's key that is no list must not cost the message.
  redis.call('RPUSH', KEYS[1], ARGV[1])
  return pushed
end
return 1
