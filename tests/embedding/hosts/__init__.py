"""Host applications that embed the protocol, each the way its framework's users would write it."""
