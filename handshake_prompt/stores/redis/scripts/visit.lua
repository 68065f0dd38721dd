-- KEYS: session, state, log, receipts, order, presence, then a counter for each claim.
-- ARGV: the request: claims {counter, digest, limit, window}, renew, after, key. The last two may be missing.
local session, state, log, receipts, order, presence = unpack(KEYS, 1, 6)
local asked = cmsgpack.unpack(ARGV[2])
local kept = redis.call('MGET', session, state, unpack(KEYS, 7))
local head, packed = head_of(kept[1]), kept[2]
if (not head and redis.call('EXISTS', session) == 1) or (not packed and redis.call('EXISTS', state) == 1) then
  error('another type')  -- which MGET passes over
end
if not head or not packed or head.p <= now then
  return cmsgpack.pack({ now })
end

local quota
if not head.x and head.e > now then
  for index, claim in ipairs(asked.claims) do
    if head.by[claim[1]] == claim[2] then
      quota = count(KEYS[6 + index], kept[2 + index], claim[3], claim[4])
      quota[4] = index
      break
    end
  end
end

if asked.renew and quota and quota[1] then
  local ends = math.min(math.max(head.e, now + head.t), head.d)
  if ends > head.e or head.n then
    head.e, head.p, head.n = ends, head.p + ends - head.e, nil
    keep(head)
  end
end

-- The log is without a hole, so a place in it is an index. `before` is the place before its first event.
local events, before = {}, -1
if asked.after then
  local length, last = redis.call('LLEN', log), head.l or 0
  if length > 0 then
    before = last - length
  end
  events = redis.call('LRANGE', log, math.max(0, asked.after - before), -1)
end

local receipt = asked.key and redis.call('HGET', receipts, asked.key)
if receipt then
  local _, ends = cmsgpack.unpack_limit(receipt, 1, 1)  -- the first of its parts
  receipt = ends > now and receipt
end

-- Packed values go into the reply as they are: an array of ten, and one within it of all events.
return table.concat({
  '\154', cmsgpack.pack(now, head.v, head.e, head.p), packed, cmsgpack.pack(redis.call('HGETALL', presence)),
  struct.pack('>BI4', 221, #events), table.concat(events), cmsgpack.pack(before), receipt or '\192', cmsgpack.pack(quota),
})
