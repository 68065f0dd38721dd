-- Every script begins with this, and answers with the time first. Times are seconds on the clock of this server.
-- What is asked, answered and kept is MessagePack: as a plain reply a number would lose its fraction.
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000

-- The millisecond in which a key goes: not before its time.
local function millisecond(time)
  return string.format('%.0f', math.ceil(time * 1000))
end
