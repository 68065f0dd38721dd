-- Whether a write that may use some share of `maxmemory` finds room. A server over its `maxmemory` refuses every command
-- that takes memory, unless the script has written something before: so room beyond that is opened by a `DEL` of nothing.
local function has_room(key, share)
  local probe = redis.pcall('SETRANGE', key, 0, '')
  local full = type(probe) == 'table' and probe.err and string.find(probe.err, 'OOM', 1, true)
  if share >= 1 and not full then
    return true
  end
  local info = redis.pcall('INFO', 'memory')
  if type(info) == 'table' then
    return not full
  end
  local used, most = string.match(info, 'used_memory:(%d+)'), string.match(info, 'maxmemory:(%d+)')
  if tonumber(most) > 0 and tonumber(used) > tonumber(most) * share then
    return false
  end
  redis.call('DEL', key .. ':nothing')
  return true
end
