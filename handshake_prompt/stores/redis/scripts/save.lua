-- KEYS: session, state, log, receipts, order.
-- ARGV: what is asked; the packed session; what is kept as receipt; then the events, each with its size before it.
local session, state, log, receipts, order = unpack(KEYS)
local asked = cmsgpack.unpack(ARGV[1])
local kept = redis.call('GET', session)
local head = kept and cmsgpack.unpack(kept)
if not head or head.v ~= asked.head.v then
  return cmsgpack.pack({ now, false })
end

-- First, since it may be forbidden and nothing can be taken back. Nobody can look before this script is over.
redis.call('PUBLISH', asked.channel, string.format('%.0f', head.v + 1))

local expires, purge = head.e, head.p
for name, value in pairs(asked.head) do
  head[name] = value
end
head.v = head.v + 1

if asked.ended then
  redis.call('UNLINK', log, receipts, order)
  head.x, head.l, head.b, head.r = true, nil, nil, nil
  keep(head, ARGV[2])
  return cmsgpack.pack({ now, true, head.e, head.p })
end

head.e, head.p = math.max(head.e, expires), math.max(head.p, purge)

if #ARGV > 3 then
  local length
  for first = 4, #ARGV, 1000 do  -- Lua has room for some thousands
    length = redis.call('RPUSH', log, unpack(ARGV, first, math.min(first + 999, #ARGV)))
  end
  local bytes, surplus = (head.b or 0) + asked.log_gain, length - asked.log_events
  while surplus > 0 or (bytes > asked.log_bytes and length > 1) do
    for _, event in ipairs(redis.call('LPOP', log, math.max(1, surplus))) do
      local _, size = cmsgpack.unpack_one(event, 1)
      bytes, length, surplus = bytes - size, length - 1, surplus - 1
    end
  end
  head.l, head.b = asked.last, bytes
end

-- A receipt is kept with its end and its size before it. The oldest make room for the newest.
local function end_and_size(receipt)
  if not receipt then
    return 0, 0
  end
  local _, ends, size = cmsgpack.unpack_limit(receipt, 2, 1)
  return ends, size
end

if asked.key then
  local _, replaced = end_and_size(redis.call('HGET', receipts, asked.key))
  local bytes = (head.r or 0) - replaced + asked.size
  local entry = '\147' .. cmsgpack.pack(now + asked.lifetime, asked.size) .. ARGV[3]
  redis.call('HSET', receipts, asked.key, entry)
  redis.call('ZADD', order, head.v, asked.key)
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
  head.r = bytes
end

keep(head, ARGV[2])
return cmsgpack.pack({ now, true, head.e, head.p })
