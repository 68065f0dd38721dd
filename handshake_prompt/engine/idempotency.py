"""Idempotency keys, with single flight: one key has one effect, and its copies get the first reply. SPEC.md section 4.

The receipt is saved by the store together with the change itself, so there is no moment at which one exists without
the other. Copies that arrive while the first is still running join it.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from handshake_prompt.protocol.errors import IdempotencyMismatchError, InProgressError, InvalidRequestError
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.stores import Loaded, SessionStore

from .guard import Admission
from .transactions import AlreadyDoneError

_KEY = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)


class Idempotency:
    """Runs requests that carry a key at most once."""

    def __init__(self, store: SessionStore, limits: Limits) -> None:
        self._store = store
        self._limits = limits
        self._running: dict[tuple[str, str], asyncio.Event] = {}

    async def once(
        self,
        admission: Admission,
        key: str,
        *,
        body: object,
        run: Callable[[str], Awaitable[Any]],
    ) -> tuple[Any, bool]:
        """Return the reply to a request, and whether it is a replay.

        `run` is called with the body's fingerprint, which belongs into the receipt it saves. It raises
        `AlreadyDoneError` if another worker was first.

        Raises:
            InvalidRequestError: the key is not 1-255 visible ASCII characters.
            InvalidTokenError: the agent's token was replaced meanwhile; the kept reply may be its successor's.
            IdempotencyMismatchError: the key was used with another body.
            InProgressError: the first request is still running.
        """
        check_idempotency_key(key)
        fingerprint = fingerprint_of(body)
        session_id = admission.session_id
        waited = await self._join(session_id, key)
        finished = self._running[session_id, key] = asyncio.Event()
        loaded: Loaded | None
        try:
            loaded = await self._store.load(session_id, key=key) if waited else admission.loaded
            if loaded is None or loaded.receipt is None:
                return await run(fingerprint), False
        except AlreadyDoneError as done:
            loaded = done.loaded
        finally:
            del self._running[session_id, key]
            finished.set()
        return self._replay(admission, loaded, fingerprint), True

    def _replay(self, admission: Admission, loaded: Loaded, fingerprint: str) -> Any:
        admission.confirm(loaded.record.session)
        if loaded.receipt is None or loaded.receipt.fingerprint != fingerprint:
            raise IdempotencyMismatchError
        return msgspec.json.decode(loaded.receipt.reply)

    async def _join(self, session_id: str, key: str) -> bool:
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


def check_idempotency_key(text: str) -> None:
    """Check that a text can be an idempotency key.

    Raises:
        InvalidRequestError: it cannot (`invalid_idempotency_key`).
    """
    if not is_key(text):
        raise InvalidRequestError(
            "Idempotency-Key has to be 1-255 visible ASCII characters", code="invalid_idempotency_key"
        )


def fingerprint_of(body: object) -> str:
    """Return the digest of a parsed body: two bodies that mean the same have the same."""
    return hashlib.sha256(msgspec.json.encode(body)).hexdigest()


def is_key(text: str) -> bool:
    """Whether a text can be an idempotency key: 1-255 visible ASCII characters."""
    return _KEY.fullmatch(text) is not None
