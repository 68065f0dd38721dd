"""A host with both of the protocol's prefixes, for servers that are started from the command line."""

from __future__ import annotations

from starlette.applications import Starlette

from handshake_prompt import HandshakeApp, Limits

app = Starlette()
HandshakeApp(limits=Limits(watchers_per_session=12)).mount_on(app)
