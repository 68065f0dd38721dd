-- Keeps a session's head, and with it for as long the packed session, which is replaced if there is a new one, the log
-- and the receipts.
local function keep(head, packed)
  local session, state, log, receipts, order = unpack(KEYS)
  local milliseconds = left(head.p)
  if packed then
    redis.call('SET', state, packed, 'PX', milliseconds)
  else
    redis.call('PEXPIRE', state, milliseconds)
  end
  redis.call('SET', session, cmsgpack.pack(head), 'PX', milliseconds)
  if head.l then
    redis.call('PEXPIRE', log, milliseconds)
  end
  if head.r then
    redis.call('PEXPIRE', receipts, milliseconds)
    redis.call('PEXPIRE', order, milliseconds)
  end
end
