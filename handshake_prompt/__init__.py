"""QR-code login for AI agents: the Handshake Prompt Protocol as a mountable ASGI application."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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

__version__ = "1.0.0.dev0"

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

_HOMES = {
    "Credential": "credentials",
    "HandshakeApp": "asgi.app",
    "HandshakeError": "errors",
    "Limits": "limits",
    "MemoryStore": "stores",
    "ModeHandler": "modes",
    "ProtocolEngine": "engine",
    "Reject": "hooks",
    "Reply": "replies",
    "Role": "credentials",
    "Session": "session",
    "SessionStore": "stores",
    "build_prompt": "prompt",
    "open_store": "stores",
    "parse_prompt": "prompt",
}
"""Where each name is defined. It is imported when it is asked for: the agent's side, which this module stands above as
well, needs no server (PEP 562)."""


def __getattr__(name: str) -> Any:
    """Return a public name, importing the module that defines it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    return value


def __dir__() -> list[str]:
    """Return what there is, whether or not it was imported yet."""
    return sorted(globals().keys() | _HOMES.keys())
