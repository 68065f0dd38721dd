-- Counts one request in a fixed window that begins with its first one. A refused request is not counted. `kept` is the
-- counter's value. A full server counts too: a counter is small, and gone in a minute.
local function count(counter, kept, limit, window)
  local hits, ends = 0, now + window
  if kept then
    local kept_hits, kept_ends = unpack(cmsgpack.unpack(kept))
    if kept_ends > now then
      hits, ends = kept_hits, kept_ends
    end
  end
  local allowed = hits < limit and has_room(counter, 1.1)
  if allowed then
    hits = hits + 1
    redis.call('SET', counter, cmsgpack.pack({ hits, ends }), 'PX', left(ends))
  end
  return { allowed, hits, ends - now }
end
