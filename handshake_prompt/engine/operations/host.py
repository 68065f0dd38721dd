"""Operations for the host application: the sessions of an owner, a person's place in one, and its end."""

from __future__ import annotations

from typing import Any

from handshake_prompt.engine.views import PersonPlace
from handshake_prompt.protocol.credentials import Role, matches_digest
from handshake_prompt.protocol.errors import SessionNotFoundError, SessionSubmittedError
from handshake_prompt.session import CLOSED
from handshake_prompt.session.owners import kept_owner
from handshake_prompt.stores import Record

from .base import Operations


class HostOperations(Operations):
    """The operations that no client can ask for."""

    async def person_place(self, session_id: str, user_token: str) -> PersonPlace | None:
        """Return how a session of the person's stands; None if `user_token` is not its person's.

        A session that this server does not know is None, too: it may be another server's on the same host name.
        """
        await self._get_ready()
        loaded = await self.store.load(session_id)
        if loaded is None or not matches_digest(user_token, loaded.record.session.user_digest):
            return None
        if loaded.record.ended(self.store.now()):
            return PersonPlace(0.0, 0)
        worker = self._workers.here
        return PersonPlace(loaded.record.expires_at, worker.presence.count_watchers(loaded.record))

    async def sessions(self, *, owner: Any) -> list[dict[str, Any]]:
        """Return the open sessions of an owner, as a hook set it at creation: how each stands, and its `meta`.

        Raises:
            TypeError: `owner` can be no session's.
        """
        worker = self._workers.here
        return [
            {**worker.views.standing_members(record), "meta": record.session.meta}
            for record in await self._owned_records(owner)
        ]

    async def revoke_owner(self, owner: Any) -> int:
        """End all open sessions of an owner, everywhere: the other half of logging out. Return how many there were."""
        return sum([await self.close_session(record.session.session_id) for record in await self._owned_records(owner)])

    async def close_session(self, session_id: str) -> bool:
        """End a session for the host, such as once its form was submitted; return whether it was open.

        Page and agent are told that it was the application, where `revoke` is the person's.
        """
        worker = self._workers.here
        await self._get_ready()
        try:
            await worker.tasks.finish(worker.session_changes.end(session_id, CLOSED, Role.USER))
        except (SessionNotFoundError, SessionSubmittedError):
            return False
        return True

    async def finish(self, session_id: str) -> bool:
        """End a session as submitted, once the host has taken what it holds in its own way; return whether it was open.

        Page and agent are told `submitted`. A submission whose outcome is unknown counts as done from here on.
        """
        worker = self._workers.here
        await self._get_ready()
        return await worker.tasks.finish(worker.host_submissions.finish_open(session_id))

    async def reopen(self, session_id: str) -> bool:
        """Let the person submit again after an unknown outcome, once the host knows that nothing was done.

        Return whether there was one.

        Raises:
            HandshakeError: the session is gone or has ended.
        """
        worker = self._workers.here
        await self._get_ready()
        return await worker.tasks.finish(worker.host_submissions.reopen_unknown(session_id))

    async def _owned_records(self, owner: Any) -> list[Record]:
        await self._get_ready()
        found = [await self.store.load(session_id) for session_id in await self.store.owned_by(kept_owner(owner))]
        return [one.record for one in found if one and one.record.ended(self.store.now()) is None]
