-- KEYS: session, state, log, receipts, order, presence, then a counter for each claim.
-- ARGV: what is asked, as JSON: claims {counter, digest, limit, window}, renew, after, key. The last two may miss.
local session, state, log, receipts, order, presence = unpack(KEYS, 1, 6)
local asked = cjson.decode(ARGV[1])
local kept = redis.call('HMGET', session, 'v', 'e', 'p', 't', 'd', 'x', 'l')
local packed = redis.call('GET', state)
if not kept[1] or not packed or tonumber(kept[3]) <= now then
  return { text(now) }
end
local expires, purge, ended = tonumber(kept[2]), tonumber(kept[3]), kept[6]

local quota = false
if not ended and expires > now then
  for index, claim in ipairs(asked.claims) do
    if redis.call('HGET', session, 'by:' .. claim[1]) == claim[2] then
      quota = count(KEYS[6 + index], claim[3], claim[4])
      quota[4] = index
      break
    end
  end
end

if asked.renew and quota and quota[1] == 1 then
  local ends = math.min(math.max(expires, now + tonumber(kept[4])), tonumber(kept[5]))
  if ends > expires then
    purge, expires = purge + ends - expires, ends
    redis.call('HSET', session, 'e', text(expires), 'p', text(purge))
    for _, key in ipairs({ session, state, log, receipts, order }) do
      redis.call('PEXPIREAT', key, millisecond(purge))
    end
  end
end

-- The log is without a hole, so a place in it is an index. `before` is the place before its first event.
local events, before = false, -1
if asked.after then
  local length, last = redis.call('LLEN', log), tonumber(kept[7] or 0)
  if length > 0 then
    before = last - length
  end
  events = redis.call('LRANGE', log, math.max(0, asked.after - before), -1)
end

local receipt = false
if asked.key then
  receipt = redis.call('HGET', receipts, asked.key)
  if receipt and tonumber(string.match(receipt, '^%S+')) <= now then
    receipt = false
  end
end

return {
  text(now), kept[1], text(expires), text(purge), packed, redis.call('HGETALL', presence), events, before, receipt,
  quota,
}
