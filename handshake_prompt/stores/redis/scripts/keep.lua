-- Keeps what is known of a session until it may be forgotten, and what goes with it for as long: the packed session,
-- which is put in place of the one before if there is a new one, the log and the receipts.
local function keep(head, packed)
  local session, state, log, receipts, order = unpack(KEYS)
  local ends = millisecond(head.p)
  if packed then
    redis.call('SET', state, packed, 'PXAT', ends)
  else
    redis.call('PEXPIREAT', state, ends)
  end
  redis.call('SET', session, cmsgpack.pack(head), 'PXAT', ends)
  if head.l then
    redis.call('PEXPIREAT', log, ends)
  end
  if head.r then
    redis.call('PEXPIREAT', receipts, ends)
    redis.call('PEXPIREAT', order, ends)
  end
end
