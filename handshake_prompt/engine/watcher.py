"""What one watcher is sent, and when; and what its page may send. Transports only carry the text to and fro.

A paced batch is applied and answered at once; here, on each connection's own time, its frames are spaced out. A
paced frame that a newer value of its field has overtaken is left out, so a page never shows an older value than the
form holds. Nothing else is ever left out. SPEC.md section 6.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any, Self

import msgspec

from handshake_prompt.protocol import messages
from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.errors import CloseCode, HandshakeError, InvalidRequestError, TooLargeError
from handshake_prompt.protocol.events import Cursor
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.messages import Outcome
from handshake_prompt.protocol.rate_limit import Quota
from handshake_prompt.protocol.session import Session
from handshake_prompt.stores import Loaded

from .hub import Frame, FrameQueue, logged, told

HEARTBEAT = told("heartbeat")
MINUTE = 60.0
REF_CHARS = 64
"""A page's own mark on a message, given back in the answer; long enough for a UUID."""

Carry = Callable[["Watcher", dict[str, Any]], Awaitable[tuple[Session, list[Outcome]]]]


class Watcher:
    """A watcher's connection, free of any transport: `async for frame in watch` sends, `receive` takes what comes.

    Use it as an async context manager: leaving it frees the watcher's place. After the iteration has ended,
    `close_code` says with which code to close.

    Args:
        opening: the frames that come first: `connected`, then what a resume missed.
        keepalive: seconds of silence after which a heartbeat is sent.
        quota: what the request that opened it was told of its rate.
        carry: carries out a message of the page.
        left: returns the seconds the session has left.
        look_again: asks the store about them; called when they seem to be over, or nearly.
        leave: frees the watcher's place.
    """

    def __init__(
        self,
        watcher: FrameQueue,
        opening: Iterable[Frame],
        *,
        limits: Limits,
        keepalive: float,
        quota: Quota | None,
        carry: Carry,
        left: Callable[[], float],
        look_again: Callable[[], Awaitable[None]],
        leave: Callable[[], None],
    ) -> None:
        self._watcher = watcher
        self._opening = deque(opening)
        self._limits = limits
        self._keepalive = keepalive
        self.quota = quota
        self._carry = carry
        self._left = left
        self._look_again = look_again
        self._leave = leave
        self._now = asyncio.get_running_loop().time
        self._sent_at = self._paced_at = self._now()
        self._told_of: float | None = None
        self._tokens = float(limits.frames_burst)
        self._tokens_at = self._now()
        self._malformed: deque[float] = deque(maxlen=limits.malformed_frames)

    @property
    def session_id(self) -> str:
        """The session that is watched."""
        return self._watcher.channel.session_id

    @property
    def role(self) -> Role:
        """Who watches."""
        return self._watcher.role

    @property
    def source(self) -> str:
        """The connection's name: an edit is not shown again to the connection it came from."""
        return self._watcher.source

    @property
    def close_code(self) -> CloseCode:
        """The verdict to close with."""
        return self._watcher.close_code or CloseCode.NORMAL

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._leave()

    async def __aiter__(self) -> AsyncIterator[Frame]:
        while (frame := self.ready() or await self.next()) is not None:
            yield frame

    def ready(self) -> Frame | None:
        """Return the next frame if there is one to be sent at once."""
        if self._opening:
            return self._opening.popleft()
        return self._watcher.take_unpaced() or self._paced()

    async def next(self) -> Frame | None:
        """Return the next frame once there is none `ready`; None when the connection is to be closed.

        Whoever asks, one task at a time, has sent all frames before: from here on there is silence.
        """
        self._sent_at = self._now()
        while True:
            if (held := self._watcher.peek()) is not None:
                await self._hold_back(held)
            elif self._watcher.close_code is not None:
                return None
            elif (notice := await self._idle()) is not None:
                return notice
            if (frame := self.ready()) is not None:
                return frame

    async def receive(self, data: str | bytes | None) -> None:
        """Take one frame from the page; the answer, `ack` or `error`, is queued to it.

        Waits when the page sends faster than it may: the transport reads on only after this returns, so nothing is
        dropped and the sender is slowed down.
        """
        await self._throttle()
        if self.close_code.final:
            return  # the verdict is spoken: nothing is carried out for whoever does not leave
        if not isinstance(data, str):
            self._watcher.close(CloseCode.UNSUPPORTED_DATA)
            return
        if len(data) > self._limits.frame_bytes or len(data.encode("utf-8", "replace")) > self._limits.frame_bytes:
            self._watcher.close(CloseCode.TOO_LARGE)
            return
        ref: object = None
        try:
            message = _parse(data)
            ref = message.get("ref")
            if message["type"] == "ping":
                self._tell(told("pong", ref=ref))
                return
            session, outcomes = await self._carry(self, message)
            for outcome in outcomes:
                self._tell(_answer(outcome, session, ref))
        except HandshakeError as error:
            self._refuse(error, ref)

    def close(self, code: CloseCode) -> None:
        """Ask for the connection to be closed."""
        self._watcher.close(code)

    def abandon(self) -> None:
        """Note that the peer is gone: nothing more is sent."""
        self._watcher.close(CloseCode.NORMAL, abandon=True)

    def _paced(self) -> Frame | None:
        """Return the next frame, which is paced, if it is due; those that are overtaken are left out."""
        while (frame := self._watcher.peek()) is not None and self._pause(frame) <= 0:
            self._watcher.take()
            if not self._watcher.overtaken(frame):
                self._paced_at = self._now() if frame.pace else self._paced_at
                return frame
        return None

    async def _hold_back(self, frame: Frame) -> None:
        """Wait until a paced frame is due, or something happens."""
        await self._watcher.wait(max(0.0, min(self._pause(frame), self._left())))
        await self._look_at_the_time()

    def _pause(self, frame: Frame) -> float:
        """Return how long a paced frame is still to be held back."""
        if self._watcher.hurried or self._watcher.overtaken(frame):
            return 0.0
        return min(self._paced_at + frame.pace, frame.born + self._limits.pace_batch) - self._now()

    async def _idle(self) -> Frame | None:
        """Wait for something to send; return a heartbeat or a notice if it is time for one."""
        # What is due only gets later, so the timer of an earlier wait will do; but for a notice that may come again.
        is_armed = self._watcher.armed and self._told_of is None
        await self._watcher.wait(None if is_armed else self._until_something_is_due())
        if self._watcher.peek() is not None:
            return None
        await self._look_at_the_time()
        if self._watcher.peek() is not None or self._watcher.close_code is not None:
            return None
        if self._is_to_be_told():
            await self._ask_again()  # another worker may have given it more time
            if self._watcher.close_code is None and self._is_to_be_told():
                self._told_of = self._ends_at()
                return told("expiring", expiresIn=messages.whole_seconds(self._left()))
            return None
        return HEARTBEAT if self._now() >= self._sent_at + self._keepalive else None

    def _until_something_is_due(self) -> float:
        """Return the seconds until a heartbeat, a notice or the end."""
        left = self._left()
        until_notice = left - self._limits.expiring_notice if self._told_of != self._ends_at() else left
        return max(0.0, min(self._sent_at + self._keepalive - self._now(), until_notice, left))

    def _is_to_be_told(self) -> bool:
        """Whether the end is near and was not told of yet."""
        return self._told_of != self._ends_at() and self._left() <= self._limits.expiring_notice

    async def _look_at_the_time(self) -> None:
        if self._left() <= 0 and self._watcher.close_code is None:
            await self._ask_again()

    async def _ask_again(self) -> None:
        try:
            await self._look_again()
        except HandshakeError as error:  # the store cannot say: the page asks again when it reconnects
            self._watcher.close(error.close_code)

    def _ends_at(self) -> float:
        return self._watcher.channel.expires_at

    async def _throttle(self) -> None:
        """Take one token of a bucket that holds a burst and refills at the sustained rate."""
        rate, now = self._limits.frames_per_second, self._now()
        self._tokens = min(self._limits.frames_burst, self._tokens + (now - self._tokens_at) * rate)
        self._tokens_at = now
        self._tokens -= 1
        if self._tokens < 0:
            await asyncio.sleep(-self._tokens / rate)

    def _refuse(self, error: HandshakeError, ref: object) -> None:
        self._tell(told("error", msg=error.detail, code=error.code, retryable=error.retryable or None, ref=ref))
        if not isinstance(error, InvalidRequestError):
            return
        self._malformed.append(self._now())
        if len(self._malformed) == self._limits.malformed_frames and self._now() - self._malformed[0] < MINUTE:
            self._watcher.close(CloseCode.FLOOD)

    def _tell(self, frame: Frame) -> None:
        """Queue a frame that is about this connection, ahead of what is being paced."""
        self._watcher.offer(frame, urgent=True)


def _parse(data: str) -> dict[str, Any]:
    try:
        message = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeError):
        raise InvalidRequestError("The frame is not valid JSON", code="invalid_json") from None
    except RecursionError:
        raise TooLargeError("The frame is nested too deeply", code="too_deep") from None
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise InvalidRequestError("A frame is an object with a type")
    if not isinstance(message.get("ref"), str | int | None) or len(str(message.get("ref"))) > REF_CHARS:
        raise InvalidRequestError(f"ref has to be a text or a number of up to {REF_CHARS} characters")
    return message


def _answer(outcome: Outcome, session: Session, ref: object) -> Frame:
    """Return the frame that answers a message, which led to how `session` is.

    An ack overtakes what is held back, so it is no place to resume from.
    """
    if outcome.status == "applied":
        key = outcome.key or ""
        field = session.values.get(key)
        at = field.at if field else None
        return told("ack", key=outcome.key, by=session.whose(key), seq=outcome.seq, at=at, ref=ref)
    return told("error", msg=outcome.msg, code=outcome.code, key=outcome.key, ref=ref)


def opening(
    loaded: Loaded,
    role: Role,
    *,
    cursor: Cursor | None,
    limits: Limits,
    keepalive: float,
    snapshot: dict[str, Any],
) -> list[Frame]:
    """Return the first frames of a connection: `connected`, and every missed event or a snapshot, never part of one.

    `loaded` is the session, read on from the cursor if there is one. It can be resumed from if it is a place in this
    session's log, and all that came after it is still kept and not too much.
    """
    session, log = loaded.record.session, loaded.log
    known = log is not None and log.complete and len(log.events) <= limits.replay_events
    recovered = known and cursor is not None and session.has_been_at(cursor)
    missed = [logged(event, role, epoch=session.epoch) for event in log.events] if recovered and log else []
    place = str(cursor if recovered else session.cursor)
    connected = {
        "type": "connected",
        "sessionId": session.session_id,
        "mode": session.mode,
        "role": role,
        **({"agent": session.agent} if session.agent else {}),
        "cursor": place,
        "recovered": recovered,
        "snapshot": None if recovered else snapshot,
        "expiresIn": snapshot["expiresIn"],
        "keepalive": keepalive,
    }
    return [Frame(messages.encode(connected).decode("ascii"), "connected", place), *missed]
