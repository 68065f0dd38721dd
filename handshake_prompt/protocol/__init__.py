"""The protocol as it is spoken, without I/O: bodies, messages, events, errors, limits and credentials."""
