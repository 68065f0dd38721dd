-- KEYS: session, state. ARGV: the head of the session; the packed session.
if redis.call('EXISTS', KEYS[1]) == 1 then
  return cmsgpack.pack({ now, false })
end
keep(cmsgpack.unpack(ARGV[1]), ARGV[2])
return cmsgpack.pack({ now, true })
