"""Session as one of its watchers uses it: an interface, so that a watcher needs neither the engine nor a store."""

from __future__ import annotations

from typing import Any, Protocol

from handshake_prompt.protocol.messages import Outcome
from handshake_prompt.protocol.session_messages import AgentPresence
from handshake_prompt.session import Session

from .frames import Frame


class WatchedSession(Protocol):
    """The session as one of its watchers uses it."""

    @property
    def expires_at(self) -> float:
        """When it ends, as far as this worker knows, on the store's clock."""

    def time_left(self) -> float:
        """Return the seconds it has left."""

    async def refresh_lifetime(self) -> None:
        """Ask the store about them: they seem to be over, or nearly."""

    def departed_agent(self) -> AgentPresence | None:
        """Return the agent that was here last, if it has gone."""

    async def read_on(self) -> list[Frame]:
        """Return the frames that the watcher's queue had no room for: from the log, or a snapshot in their place."""

    async def perform(self, message: dict[str, Any]) -> tuple[Session, list[Outcome]]:
        """Carry out a message of the watcher's page; return the session after it, and the outcomes."""

    def set_hidden(self, *, hidden: bool) -> None:
        """Note whether the watcher's page is in view."""

    def leave(self) -> None:
        """Free the watcher's place."""
