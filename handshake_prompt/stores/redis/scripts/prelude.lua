-- Begin of every script. The reply begins with the time, which the next caller sends back as ARGV[1].
-- Times are seconds on a hybrid logical clock: this server's, unless a caller has heard of a later time. So time never
-- goes back, neither when this clock is set back nor at a failover to a server whose clock is behind.
-- Arguments, replies and stored values are MessagePack: as a plain reply a number would lose its fraction.
local clock = redis.call('TIME')
local now = math.max(tonumber(clock[1]) + tonumber(clock[2]) / 1000000, tonumber(ARGV[1]))

-- The milliseconds that a key is kept: not less than until its time.
local function left(time)
  return string.format('%.0f', math.max(1, math.ceil((time - now) * 1000)))
end
