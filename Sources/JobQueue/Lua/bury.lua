-- bury: moves a job that nobody can do to the dead list, newest first, and caps that list.
--
-- KEYS  1 the slot's in-flight list   2 the dead list   3 the slice's lock, if the job has one
-- ARGV  1 payload, exact bytes   2 token <worker>/<slot>/<claim>, '' without a lock
--       3 the dead list's entry: one line of JSON that holds the payload and the reason
--       4 how many entries the dead list keeps
-- Returns {1 if one copy of the payload has left the in-flight list, else 0; oldest entries trimmed}.
--         The lock is deleted if it is this token's.
-- Fails, and changes nothing, where the dead list takes no push.
-- Safe to repeat: what has left the in-flight list is not buried again.
local removed = redis.call('LREM', KEYS[1], 1, ARGV[1])
local trimmed = 0
if removed == 1 then
  local length = redis.pcall('LPUSH', KEYS[2], ARGV[3])
  if type(length) == 'table' then
    -- Scripts are not undone: a dead list's key that is no list must not cost the message.
    redis.call('LPUSH', KEYS[1], ARGV[1])
    return length
  end
  local kept = tonumber(ARGV[4])
  if length > kept then
    redis.call('LTRIM', KEYS[2], 0, kept - 1)
    trimmed = length - kept
  end
end
if KEYS[3] and redis.call('GET', KEYS[3]) == ARGV[2] then
  redis.call('DEL', KEYS[3])
end
return {removed, trimmed}
