-- dead page: a bounded part of the dead list, whose entries can be of any size.
--
-- KEYS  1 the dead list
-- ARGV  1 the first entry's position from the list's old end, the oldest being 1   2 the step to the next, 1 or -1
--       3 the most entries   4 after so many bytes no further entry is begun
-- Returns {the first entry's position, the entries' exact bytes}. Of a list that has become shorter than the position
--         a step of -1 begins at the newest entry. At least one entry if there is one.
-- Only reads.
local position = tonumber(ARGV[1])
if tonumber(ARGV[2]) < 0 then
  position = math.min(position, redis.call('LLEN', KEYS[1]))
end
local first, page, bytes = position, {}, 0
while position > 0 and #page < tonumber(ARGV[3]) and bytes < tonumber(ARGV[4]) do
  local entry = redis.call('LINDEX', KEYS[1], -position)
  if not entry then
    break
  end
  page[#page + 1] = entry
  bytes = bytes + #entry
  position = position + ARGV[2]
end
return {first, page}
