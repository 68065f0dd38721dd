-- KEYS: session, state, log, receipts, order. ARGV: expires, purge.
local kept = redis.call('GET', KEYS[1])
local head = kept and cmsgpack.unpack(kept)
if head and not head.x then
  head.e = math.max(head.e, tonumber(ARGV[1]))
  head.p = math.max(head.p, tonumber(ARGV[2]))
  keep(head)
end
return cmsgpack.pack({ now })
