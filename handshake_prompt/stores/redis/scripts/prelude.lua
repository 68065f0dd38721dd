-- Every script begins with this, and answers with the time first. Times are seconds on the clock of this server.
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000

-- A number with all its digits: as a plain reply it would lose its fraction.
local function text(number)
  return string.format('%.17g', number)
end

-- The millisecond in which a key goes: not before its time.
local function millisecond(time)
  return string.format('%.0f', math.ceil(time * 1000))
end
