-- KEYS: session, state, log, receipts, order.
-- ARGV: the request; the packed session; the packed receipt; then the events, each with its size before it.
local session, state, log, receipts, order = unpack(KEYS)
local asked = cmsgpack.unpack(ARGV[2])
local head = head_of(redis.call('GET', session))
if not head or head.v ~= asked.head.v then
  return cmsgpack.pack({ now, 'conflict' })
end
if not asked.ended and not has_room(session, asked.share) then
  return cmsgpack.pack({ now, 'full' })
end

-- No script can be rolled back: whatever may fail comes first. `PUBLISH` may be forbidden, and a key be of another type.
-- Subscribers can only read once the script is over.
redis.call('LLEN', log)
redis.call('HLEN', receipts)
redis.call('ZCARD', order)
redis.call('PUBLISH', asked.channel, string.format('%.0f', head.v + 1))

local expires, purge, unused = head.e, head.p, head.n
for name, value in pairs(asked.head) do
  head[name] = value
end
head.n = asked.head.n and unused  -- a read may have used it meanwhile
head.v = head.v + 1

if asked.ended then
  redis.call('UNLINK', log, receipts, order)
  head.x, head.l, head.b, head.r = true, nil, nil, nil
  keep(head, ARGV[3])
  return cmsgpack.pack({ now, 'done', head.e, head.p })
end

head.e, head.p = math.max(head.e, expires), math.max(head.p, purge)

if #ARGV > 4 then
  local length
  for first = 5, #ARGV, 1000 do  -- Lua has room for some thousands
    length = redis.call('RPUSH', log, unpack(ARGV, first, math.min(first + 999, #ARGV)))
  end
  local bytes, surplus = (head.b or 0) + asked.log_gain, length - asked.log_events
  while surplus > 0 or (bytes > asked.log_bytes and length > 1) do
    for _, event in ipairs(redis.call('LPOP', log, math.max(1, surplus))) do
      local readable, _, size = pcall(cmsgpack.unpack_one, event, 1)
      bytes, length, surplus = bytes - (readable and tonumber(size) or 0), length - 1, surplus - 1
    end
  end
  head.l, head.b = asked.last, bytes
end

-- A receipt is stored behind its end and its size. The oldest make room for the newest.
local function end_and_size(receipt)
  local readable, _, ends, size = pcall(cmsgpack.unpack_limit, receipt or '', 2, 1)
  return readable and tonumber(ends) or 0, readable and tonumber(size) or 0
end

if asked.key then
  local _, replaced = end_and_size(redis.call('HGET', receipts, asked.key))
  local bytes = (head.r or 0) - replaced + asked.size
  local entry = '\147' .. cmsgpack.pack(now + asked.lifetime, asked.size) .. ARGV[4]
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

keep(head, ARGV[3])
return cmsgpack.pack({ now, 'done', head.e, head.p })
