"""The protocol without I/O: messages, errors, limits, credentials, and the state of a session."""
