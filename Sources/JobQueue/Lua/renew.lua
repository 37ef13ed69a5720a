-- renew: extends the locks of the busy slots of one worker in one queue.
--
-- KEYS  for each job: its slot's in-flight list, its slice's lock
-- ARGV  1 lock's time to live, ms; then for each job: token <worker>/<slot>/<claim>, payload
-- Returns an array with, for each job in order:
--         'renewed'   the lock was this token's; its time to live starts anew;
--         'restored'  Redis had no such lock: it is set, and the payload is back in the in-flight list;
--         'lost'      another token has the lock; nothing has changed.
-- Safe to repeat: a second run finds the token's own lock, and never adds a second copy of a payload.
local outcomes = {}
for job = 1, #KEYS / 2 do
  local inflight, lock = KEYS[2 * job - 1], KEYS[2 * job]
  local token, payload = ARGV[2 * job], ARGV[2 * job + 1]
  local holder = redis.call('GET', lock)
  if holder == token then
    redis.call('PEXPIRE', lock, ARGV[1])
    outcomes[job] = 'renewed'
  elseif holder then
    outcomes[job] = 'lost'
  else
    redis.call('SET', lock, token, 'PX', ARGV[1])
    if not redis.call('LPOS', inflight, payload) then
      redis.call('LPUSH', inflight, payload)
    end
    outcomes[job] = 'restored'
  end
end
return outcomes
