"""Idempotency keys, with single flight: one key has one effect, and its copies get the first reply. SPEC.md section 4.

The receipt is saved by the store together with the change itself, so there is no moment at which one exists without
the other. Copies that arrive while the first is still running join it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from handshake_prompt.protocol.errors import InProgressError
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.stores import Loaded, SessionStore

from .access.guard import Admission
from .idempotency_keys import IdempotencyKey, check_idempotency_key
from .transactions import AlreadyDoneError


class Idempotency:
    """Runs requests that carry a key at most once."""

    def __init__(self, store: SessionStore, limits: Limits) -> None:
        self._store = store
        self._limits = limits
        self._running: dict[tuple[str, str], asyncio.Event] = {}

    async def run_once(
        self,
        admission: Admission,
        text: str,
        *,
        body: object,
        run: Callable[[IdempotencyKey], Awaitable[Any]],
    ) -> tuple[Any, bool]:
        """Return the reply to a request, and whether it is a replay.

        `run` is called with the request's key, and saves the receipt under it. It raises `AlreadyDoneError` if another
        worker was first.

        Raises:
            InvalidRequestError: the key is not 1-255 visible ASCII characters.
            InvalidTokenError: the agent's token was replaced meanwhile; the kept reply may be its successor's.
            IdempotencyMismatchError: the key was used with another body.
            InProgressError: the first request is still running.
        """
        check_idempotency_key(text)
        key = IdempotencyKey.of(text, body, seconds=self._limits.idempotency_seconds)
        session_id = admission.session_id
        waited = await self._wait_for_running(session_id, text)
        finished = self._running[session_id, text] = asyncio.Event()
        loaded: Loaded | None
        try:
            loaded = await self._store.load(session_id, key=text) if waited else admission.loaded
            if loaded is None or loaded.receipt is None:
                return await run(key), False
        except AlreadyDoneError as done:
            loaded = done.loaded
        finally:
            del self._running[session_id, text]
            finished.set()
        admission.confirm_credential(loaded.record.session)
        return msgspec.json.decode(key.kept_reply(loaded.receipt)), True

    async def _wait_for_running(self, session_id: str, key: str) -> bool:
        """Wait until no request with this key is running; return whether one was."""
        waited = False
        try:
            async with asyncio.timeout(self._limits.idempotency_join):
                while (running := self._running.get((session_id, key))) is not None:
                    waited = True
                    await running.wait()
        except TimeoutError:
            raise InProgressError(retry_after=self._limits.idempotency_join) from None
        return waited
