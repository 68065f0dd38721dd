-- KEYS: session, state, log, receipts, order, presence. ARGV: the time without a use after which it is deleted.
local head = head_of(redis.call('GET', KEYS[1]))
if head and head.n and head.n + tonumber(ARGV[2]) <= now and redis.call('EXISTS', KEYS[6]) == 0 then
  redis.call('UNLINK', unpack(KEYS))
  return cmsgpack.pack({ now, true })
end
return cmsgpack.pack({ now, false })
