-- KEYS: the sessions of an owner. ARGV: a session, when it is gone for certain.
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.17g', now))
redis.call('ZADD', KEYS[1], 'GT', ARGV[2], ARGV[1])
local last = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2]
redis.call('PEXPIREAT', KEYS[1], millisecond(tonumber(last)))
return cmsgpack.pack({ now })
