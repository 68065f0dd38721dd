-- KEYS: session, state, log, receipts, order. ARGV: expires, purge.
local head = head_of(redis.call('GET', KEYS[1]))
if head and not head.x then
  head.e = math.max(head.e, tonumber(ARGV[2]))
  head.p = math.max(head.p, tonumber(ARGV[3]))
  head.n = nil
  keep(head)
end
return cmsgpack.pack({ now })
