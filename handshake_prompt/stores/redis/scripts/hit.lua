-- KEYS: the counter. ARGV: limit, window.
return cmsgpack.pack({ now, count(KEYS[1], redis.call('GET', KEYS[1]), tonumber(ARGV[2]), tonumber(ARGV[3])) })
