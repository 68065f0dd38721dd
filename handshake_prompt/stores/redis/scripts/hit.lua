-- KEYS: the counter. ARGV: limit, window.
return { text(now), count(KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2])) }
