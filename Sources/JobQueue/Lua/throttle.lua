-- throttle: reserves entries of a library's rate, which all its slots on all workers share (GCRA: the key holds
-- the instant at which all that was reserved so far is used up).
--
-- KEYS  1 the library's rate
-- ARGV  1 how many entries   2 the rate, entries a second   3 the longest wait that is ever answered, microseconds
-- Returns for how many microseconds to wait before the reserved entries are used.
-- By Redis's own clock. The key goes by itself when nothing is reserved any more. Whatever the key holds, after a
-- step of the clock or by a stranger's hand, nobody is told to wait longer than ARGV[3].
-- Not idempotent: a reservation whose reply was lost is one that nobody uses, and costs its share of the rate.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local spoken_for = tonumber(redis.call('GET', KEYS[1]))
if not spoken_for or not (spoken_for > now) then
  spoken_for = now
end
local wait = math.min(spoken_for - now, tonumber(ARGV[3]))
local ahead = wait + ARGV[1] * 1000000 / ARGV[2]
redis.call('SET', KEYS[1], string.format('%.0f', now + ahead), 'PX', string.format('%.0f', ahead / 1000 + 1))
return wait
