-- KEYS: session, state, log, receipts, order.
-- ARGV: what is asked, as JSON; the packed session; what is kept as receipt; then the events, led by their sizes.
local session, state, log, receipts, order = unpack(KEYS)
local asked = cjson.decode(ARGV[1])
local kept = redis.call('HMGET', session, 'v', 'e', 'p', 'b', 'r')
if tonumber(kept[1]) ~= asked.version then
  return { text(now), 0 }
end
asked.version = string.format('%.0f', asked.version + 1)

-- First, since it may be forbidden and nothing can be taken back. Nobody can look before this script is over.
redis.call('PUBLISH', asked.channel, asked.version)

if asked.ended then
  redis.call('UNLINK', log, receipts, order)
  redis.call('HDEL', session, 'l', 'b', 'r')
  redis.call('HSET', session, 'x', 1)
  keep(session, state, asked, ARGV[2])
  return { text(now), 1, text(asked.expires), text(asked.purge) }
end

asked.expires = math.max(asked.expires, tonumber(kept[2]))
asked.purge = math.max(asked.purge, tonumber(kept[3]))
keep(session, state, asked, ARGV[2])

if #ARGV > 3 then
  local bytes, length = tonumber(kept[4] or 0) + asked.log_gain, 0
  for index = 4, #ARGV do
    length = redis.call('RPUSH', log, ARGV[index])
  end
  while length > asked.log_events or (bytes > asked.log_bytes and length > 1) do
    bytes = bytes - tonumber(string.match(redis.call('LPOP', log), '^%d+'))
    length = length - 1
  end
  redis.call('HSET', session, 'l', text(asked.last), 'b', text(bytes))
end

-- A receipt is kept with its end and its size before it. The oldest make room for the newest.
local function end_and_size(receipt)
  local ends, size = string.match(receipt or '0 0 ', '^(%S+) (%d+) ')
  return tonumber(ends), tonumber(size)
end

if asked.key then
  local _, replaced = end_and_size(redis.call('HGET', receipts, asked.key))
  local bytes = tonumber(kept[5] or 0) - replaced + asked.size
  redis.call('HSET', receipts, asked.key, text(now + asked.lifetime) .. ' ' .. asked.size .. ' ' .. ARGV[3])
  redis.call('ZADD', order, asked.version, asked.key)
  local oldest = redis.call('ZRANGE', order, 0, 0)[1]
  while oldest ~= asked.key do
    local ends, size = end_and_size(redis.call('HGET', receipts, oldest))
    if ends > now and bytes <= asked.receipt_bytes then
      break
    end
    bytes = bytes - size
    redis.call('HDEL', receipts, oldest)
    redis.call('ZREM', order, oldest)
    oldest = redis.call('ZRANGE', order, 0, 0)[1]
  end
  redis.call('HSET', session, 'r', text(bytes))
end

for _, key in ipairs({ log, receipts, order }) do
  redis.call('PEXPIREAT', key, millisecond(asked.purge))
end
return { text(now), 1, text(asked.expires), text(asked.purge) }
