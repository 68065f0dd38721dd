-- Counts one request in a window that begins with its first one. A refused request is not counted.
local function count(counter, limit, window)
  local hits, ends = 0, now + window
  local kept = redis.call('GET', counter)
  if kept then
    local kept_hits, kept_ends = string.match(kept, '^(%d+) (.+)$')
    if tonumber(kept_ends) > now then
      hits, ends = tonumber(kept_hits), tonumber(kept_ends)
    end
  end
  local allowed = hits < limit
  if allowed then
    hits = hits + 1
    redis.call('SET', counter, hits .. ' ' .. text(ends), 'PXAT', millisecond(ends))
  end
  return { allowed and 1 or 0, hits, text(ends - now) }
end
