-- Keeps a session and what a visit has to know of it.
local function keep(session, state, asked, packed)
  redis.call('SET', state, packed, 'PXAT', millisecond(asked.purge))
  redis.call(
    'HSET', session, 'v', asked.version, 'e', text(asked.expires), 'p', text(asked.purge),
    't', text(asked.ttl), 'd', text(asked.deadline)
  )
  for counter, digest in pairs(asked.proofs) do
    redis.call('HSET', session, 'by:' .. counter, digest)
  end
  redis.call('PEXPIREAT', session, millisecond(asked.purge))
end
