"""The application by itself, for servers that are started from the command line."""

from __future__ import annotations

from handshake_prompt import HandshakeApp

app = HandshakeApp()
