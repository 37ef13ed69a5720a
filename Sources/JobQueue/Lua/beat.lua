-- beat: a worker's sign of life in one queue.
--
-- KEYS  1 the hash of workers   2 the worker's heartbeat
-- ARGV  1 worker   2 registration, JSON   3 heartbeat, one line of JSON   4 its time to live, ms
-- Returns 1.
-- Safe to repeat: it only writes what it is given.
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[4])
return 1
