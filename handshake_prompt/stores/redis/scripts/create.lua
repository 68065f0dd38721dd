-- KEYS: session, state. ARGV: what is asked, as JSON; the packed session.
local session, state = unpack(KEYS)
if redis.call('EXISTS', session) == 1 then
  return { text(now), 0 }
end
keep(session, state, cjson.decode(ARGV[1]), ARGV[2])
return { text(now), 1 }
