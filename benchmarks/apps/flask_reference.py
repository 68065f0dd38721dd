"""The Flask reference, version 0.2.0, with its rate limit raised. Runs in the peers' environment."""

from __future__ import annotations

from flask import Flask
from flask_sock import Sock

from handshake_prompt import HandshakeManager

app = Flask("reference")
manager = HandshakeManager(app, Sock(app), prefix="", ws_prefix="/ws", rate_limit_per_min=1_000_000_000)
