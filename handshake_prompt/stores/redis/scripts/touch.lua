-- KEYS: session, state, log, receipts, order. ARGV: expires, purge.
local kept = redis.call('HMGET', KEYS[1], 'e', 'p', 'x')
if not kept[1] or kept[3] then
  return { text(now) }
end
local expires = math.max(tonumber(kept[1]), tonumber(ARGV[1]))
local purge = math.max(tonumber(kept[2]), tonumber(ARGV[2]))
redis.call('HSET', KEYS[1], 'e', text(expires), 'p', text(purge))
for _, key in ipairs(KEYS) do
  redis.call('PEXPIREAT', key, millisecond(purge))
end
return { text(now) }
