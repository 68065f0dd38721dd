-- A session's head, nil if there is none. Anything else under its key is an error, before anything is written.
local function head_of(kept)
  if not kept then
    return nil
  end
  local head = cmsgpack.unpack(kept)
  if type(head) ~= 'table' or type(head.v) ~= 'number' or type(head.e) ~= 'number' or type(head.p) ~= 'number' then
    error('unreadable head')
  end
  return head
end
