-- KEYS: the high-water mark of time, from which a worker that starts takes over. ARGV: how long to keep it; a channel.
-- The publication tells nothing: without the right to it no save would succeed.
redis.call('PUBLISH', ARGV[3], '')
now = math.max(now, tonumber(redis.call('GET', KEYS[1]) or 0) or 0)
redis.call('PEXPIRE', KEYS[1], ARGV[2])  -- takes no memory, so that a full server runs the next
redis.call('SET', KEYS[1], string.format('%.17g', now), 'PX', ARGV[2])
return cmsgpack.pack({ now })
