"""Inbox of a watcher's page: messages pass a token bucket, are carried out, and answered. SPEC.md section 7."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from handshake_prompt.engine.access.fair_queue import HEAVY_BODY, take_slot
from handshake_prompt.engine.access.login_lease import LoginLease
from handshake_prompt.protocol.bodies import Ping, decode
from handshake_prompt.protocol.errors import CloseCode, HandshakeError, InvalidRequestError, TooLargeError
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.messages import Outcome
from handshake_prompt.protocol.page_frames import SEARCHED_CHARS, parse_frame, read_ref
from handshake_prompt.session import Session
from handshake_prompt.session.digests import state_digest

from .frame_queue import FrameQueue
from .frames import Frame, connection_frame
from .watched_session import WatchedSession

MINUTE = 60.0


class PageInbox:
    """Takes the messages of one page.

    Args:
        queue: the watcher's place in the hub; answers go there.
        session: the session that is watched.
        lease: the host's word that it is the person's, if that is what proves it.
    """

    __slots__ = ("_lease", "_limits", "_malformed", "_now", "_queue", "_session", "_tokens", "_tokens_at")

    def __init__(self, queue: FrameQueue, session: WatchedSession, lease: LoginLease | None, *, limits: Limits) -> None:
        self._queue = queue
        self._session = session
        self._limits = limits
        self._lease = lease
        self._now = asyncio.get_running_loop().time
        self._tokens = float(limits.frames_burst)
        self._tokens_at = self._now()
        self._malformed: deque[float] = deque(maxlen=limits.malformed_frames)

    async def receive_message(self, data: str | bytes | None) -> None:
        """Take one message from the page; the answer, `ack` or `error`, is queued to it.

        Waits when the page sends faster than it may (backpressure): the transport reads on only after this returns, so
        nothing is dropped and the sender is slowed down.
        """
        await self._take_token()
        await heed_login(self._lease, self._queue)
        if self._queue.close_code is not None and self._queue.close_code.final:
            return  # the verdict is spoken: nothing more is carried out on this connection
        if not isinstance(data, str):
            self._queue.close(CloseCode.UNSUPPORTED_DATA)
            return
        if len(data) > self._limits.frame_bytes or len(data.encode("utf-8", "replace")) > self._limits.frame_bytes:
            error = TooLargeError(f"A frame holds at most {self._limits.frame_bytes} bytes", code="frame_too_large")
            self._queue_error(error, read_ref(data[:SEARCHED_CHARS] + data[-SEARCHED_CHARS:]))
            self._queue.close(CloseCode.TOO_LARGE)
            return
        if len(data) > HEAVY_BODY:
            await take_slot(self._queue.session_id)
        message: dict[str, Any] | None = None
        try:
            message = parse_frame(data)
            for frame in await self._carry_out(message):
                self._queue.queue_answer(frame)
        except HandshakeError as error:
            self._queue_error(error, read_ref(data) if message is None else message.get("ref"))

    async def _take_token(self) -> None:
        """Take a token from a bucket that holds a burst and refills at the sustained rate; wait if it is empty."""
        rate, now = self._limits.frames_per_second, self._now()
        self._tokens = min(self._limits.frames_burst, self._tokens + (now - self._tokens_at) * rate)
        self._tokens_at = now
        self._tokens -= 1
        if self._tokens < 0:
            await asyncio.sleep(-self._tokens / rate)

    async def _carry_out(self, message: dict[str, Any]) -> list[Frame]:
        """Carry out a message of the page; return the frames that answer it."""
        ref = message.get("ref")
        if message["type"] == "ping":
            visible = decode(Ping, message).visible
            if visible is not None:
                self._session.set_hidden(hidden=not visible)
            return [connection_frame("pong", ref=ref)]
        session, outcomes = await self._session.perform(message)
        return [_answer_frame(outcome, session, ref) for outcome in outcomes]

    def _queue_error(self, error: HandshakeError, ref: object) -> None:
        retryable = error.retryable or None
        self._queue.queue_answer(
            connection_frame("error", msg=error.detail, code=error.code, retryable=retryable, ref=ref)
        )
        if not isinstance(error, InvalidRequestError):
            return
        self._malformed.append(self._now())
        if len(self._malformed) == self._limits.malformed_frames and self._now() - self._malformed[0] < MINUTE:
            self._queue.close(CloseCode.BUSY)


async def heed_login(lease: LoginLease | None, queue: FrameQueue) -> None:
    """Close the connection of a person logged in no more: they are told nothing that is still queued."""
    try:
        if lease is not None and not await lease.still_holds():
            queue.close(CloseCode.UNAUTHENTICATED, abandon=True)
    except HandshakeError as error:  # the store cannot say: the page asks again when it reconnects
        queue.close(error.close_code)


def _answer_frame(outcome: Outcome, session: Session, ref: object) -> Frame:
    """Return the frame that answers a message: its outcome, in the session after it.

    An ack overtakes frames that are held back, so it is no place to resume from.
    """
    if outcome.status == "applied":
        field = session.values.get(outcome.subject)
        at = field.at if field else None
        by = session.whose(outcome.subject) if outcome.key is not None else None
        row, request, digest = outcome.row, outcome.request, state_digest(session)
        return connection_frame(
            "ack", key=outcome.key, by=by, seq=outcome.seq, at=at, row=row, request=request, digest=digest, ref=ref
        )
    return connection_frame("error", msg=outcome.msg, code=outcome.code, key=outcome.key, ref=ref)
