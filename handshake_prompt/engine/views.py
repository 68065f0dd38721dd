"""Views of a session: how it stands, and the state of its page as one role may see it. SPEC.md section 4."""

from __future__ import annotations

from typing import NamedTuple, cast

from handshake_prompt.modes import Modes
from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.messages import Context, SessionStanding, whole_seconds
from handshake_prompt.stores import Record, SessionStore

from .presence import Presence


class PersonPlace(NamedTuple):
    """The person's place in a session that a credential opens: time left, and connections."""

    left: float
    """Seconds until the session ends; 0 if it has ended."""
    watchers: int
    """Connections that the session is shown on, in all workers."""


class Views:
    """Composes views of records."""

    def __init__(self, store: SessionStore, modes: Modes, presence: Presence) -> None:
        self._store = store
        self._modes = modes
        self._presence = presence

    def standing(self, record: Record) -> SessionStanding:
        """Return how a session stands."""
        session = record.session
        return {
            "sessionId": session.session_id,
            "mode": session.mode,
            "expiresIn": self.expires_in(record),
            "maxExpiresIn": whole_seconds(session.deadline - self._store.now()),
            "watchers": self._presence.clients(record),
            "cursor": str(session.cursor),
        }

    def context(self, record: Record, role: Role) -> Context:
        """Return the state of a session's page: the members of `GET /context` and of a snapshot."""
        session = record.session
        members = {
            "sessionId": session.session_id,
            "mode": session.mode,
            "role": role,
            **self._modes.of(session).context_response(session, role),
            "context": session.context(role),
            "meta": session.meta,
            "expiresIn": self.expires_in(record),
            "cursor": str(session.cursor),
        }
        return cast("Context", members)  # a mode may add any member

    def expires_in(self, record: Record) -> int:
        """Return the whole seconds a session has left."""
        return whole_seconds(record.expires_at - self._store.now())
