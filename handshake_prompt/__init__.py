"""QR-code login for AI agents: the Handshake Prompt Protocol as a mountable ASGI application."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .version import __version__

if TYPE_CHECKING:
    from .asgi.app import HandshakeApp
    from .asgi.owners import django_owner, fastapi_owner, session_owner
    from .engine import ProtocolEngine
    from .engine.host.hooks import Reject
    from .engine.host.named_forms import NamedForm
    from .engine.host.submitted_form import SubmittedForm
    from .forms.problems import FieldErrors
    from .modes import ModeHandler
    from .protocol.credentials import Credential, Role
    from .protocol.errors import HandshakeError
    from .protocol.limits import Limits
    from .protocol.replies import Reply
    from .session import Session
    from .stores import MemoryStore, SessionStore, open_store
    from .texts.prompt import build_prompt, parse_prompt

__all__ = [
    "Credential",
    "FieldErrors",
    "HandshakeApp",
    "HandshakeError",
    "Limits",
    "MemoryStore",
    "ModeHandler",
    "NamedForm",
    "ProtocolEngine",
    "Reject",
    "Reply",
    "Role",
    "Session",
    "SessionStore",
    "SubmittedForm",
    "__version__",
    "build_prompt",
    "django_owner",
    "fastapi_owner",
    "open_store",
    "parse_prompt",
    "session_owner",
]

_HOMES = {
    "Credential": "protocol.credentials",
    "FieldErrors": "forms.problems",
    "HandshakeApp": "asgi.app",
    "HandshakeError": "protocol.errors",
    "Limits": "protocol.limits",
    "MemoryStore": "stores",
    "ModeHandler": "modes",
    "NamedForm": "engine.host.named_forms",
    "ProtocolEngine": "engine",
    "Reject": "engine.host.hooks",
    "Reply": "protocol.replies",
    "Role": "protocol.credentials",
    "Session": "session",
    "SessionStore": "stores",
    "SubmittedForm": "engine.host.submitted_form",
    "build_prompt": "texts.prompt",
    "django_owner": "asgi.owners",
    "fastapi_owner": "asgi.owners",
    "open_store": "stores",
    "parse_prompt": "texts.prompt",
    "session_owner": "asgi.owners",
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
    """Return all names, imported already or not."""
    return sorted(globals().keys() | _HOMES.keys())
