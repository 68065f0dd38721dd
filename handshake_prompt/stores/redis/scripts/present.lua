-- KEYS: session, presence. ARGV: worker, its number of watchers, seconds of the lease.
local session, presence = unpack(KEYS)
if redis.call('EXISTS', session) == 0 then
  return cmsgpack.pack({ now })
end
redis.call('HDEL', presence, ARGV[2])
if ARGV[3] ~= '0' then
  redis.call('HSET', presence, ARGV[2], string.format('%s %.17g', ARGV[3], now + tonumber(ARGV[4])))
end
local kept, last = redis.call('HGETALL', presence), now
for index = 1, #kept, 2 do
  local ends = tonumber(string.match(kept[index + 1], ' (.+)$'))
  if ends <= now then
    redis.call('HDEL', presence, kept[index])
  end
  last = math.max(last, ends)
end
redis.call('PEXPIRE', presence, left(last))
return cmsgpack.pack({ now })
