-- KEYS: session, state. ARGV: the head of the session; the packed session; its share of the server's memory.
if redis.call('EXISTS', KEYS[1]) == 1 then
  return cmsgpack.pack({ now, 'conflict' })
end
if not has_room(KEYS[1], tonumber(ARGV[4])) then
  return cmsgpack.pack({ now, 'full' })
end
keep(cmsgpack.unpack(ARGV[2]), ARGV[3])
return cmsgpack.pack({ now, 'done' })
