-- adopt: registers the worker of an in-flight list that no registration names, so that whoever returns
-- orphaned work finds the list. A worker that lives writes its own registration over it.
--
-- KEYS  1 the hash of workers
-- ARGV  1 worker   2 the registration that was seen, '' for none   3 registration, JSON
-- Returns 1 if it was written; 0 if the registration is not the one that was seen any more.
-- Safe to repeat: a second run finds its own writing, and changes nothing.
if (redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[2] then
  return 0
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
