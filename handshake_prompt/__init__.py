"""QR-code login for AI agents: the Handshake Prompt Protocol as a mountable ASGI application."""

from __future__ import annotations

__version__ = "1.0.0.dev0"

from .asgi.app import HandshakeApp
from .credentials import Credential, Role
from .engine import ProtocolEngine
from .errors import HandshakeError
from .hooks import Reject
from .limits import Limits
from .modes import ModeHandler
from .prompt import build_prompt, parse_prompt
from .replies import Reply
from .session import Session
from .stores import MemoryStore, SessionStore, open_store

__all__ = [
    "Credential",
    "HandshakeApp",
    "HandshakeError",
    "Limits",
    "MemoryStore",
    "ModeHandler",
    "ProtocolEngine",
    "Reject",
    "Reply",
    "Role",
    "Session",
    "SessionStore",
    "__version__",
    "build_prompt",
    "open_store",
    "parse_prompt",
]
