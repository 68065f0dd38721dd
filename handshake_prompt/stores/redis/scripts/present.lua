-- KEYS: session, presence. ARGV: worker, its watchers, how long its word holds.
local session, presence = unpack(KEYS)
if redis.call('EXISTS', session) == 0 then
  return cmsgpack.pack({ now })
end
redis.call('HDEL', presence, ARGV[1])
if ARGV[2] ~= '0' then
  redis.call('HSET', presence, ARGV[1], string.format('%s %.17g', ARGV[2], now + tonumber(ARGV[3])))
end
local kept, last = redis.call('HGETALL', presence), now
for index = 1, #kept, 2 do
  local ends = tonumber(string.match(kept[index + 1], ' (.+)$'))
  if ends <= now then
    redis.call('HDEL', presence, kept[index])
  end
  last = math.max(last, ends)
end
redis.call('PEXPIREAT', presence, millisecond(last))
return cmsgpack.pack({ now })
