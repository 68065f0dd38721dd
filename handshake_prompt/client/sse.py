"""Parser of server-sent events (WHATWG HTML, section 9.2), sans I/O: bytes in, events out, within bounds."""

from __future__ import annotations

import re
from typing import NamedTuple

from .errors import BadReplyError

MOST_EVENT_BYTES = 1024 * 1024
"""Of one event: a snapshot holds 512 KiB of values at most, and the author and time of each."""

_MILLISECONDS = re.compile(rb"[0-9]{1,9}")
_LINE_ENDS = (b"\n", b"\r")


class ServerEvent(NamedTuple):
    """One event, without its id: the frames of this protocol carry their cursor themselves."""

    kind: str
    data: bytes


class EventParser:
    """Incremental parser. An event that was cut off is never returned.

    Args:
        most_bytes: the size of the largest event accepted.
    """

    def __init__(self, most_bytes: int = MOST_EVENT_BYTES) -> None:
        self._most_bytes = most_bytes
        self._begun = bytearray()
        self._after_return = False
        self._kind = b""
        self._data: list[bytes] = []
        self._size = 0
        self.lines = 0
        """Lines finished so far: a stream that finishes none is stuck, however many bytes arrive."""
        self.retry: float | None = None
        """Seconds before the next connection, once the server has said so."""

    def feed_bytes(self, chunk: bytes) -> list[ServerEvent]:
        """Take the bytes that have arrived and return the events that they finish.

        Raises:
            BadReplyError: an event is too large.
        """
        events = []
        for line in self._finished_lines(chunk):
            if line:
                self._size += len(line)
                self._take_line(line)
            elif (event := self._finished_event()) is not None:
                events.append(event)
            if self._size > self._most_bytes:
                break
        if self._size + len(self._begun) > self._most_bytes:
            raise BadReplyError(f"An event has more than {self._most_bytes} bytes", code="reply_too_large")
        return events

    def _finished_lines(self, chunk: bytes) -> list[bytes]:
        if self._after_return and chunk:  # the newline that may begin this chunk belongs to the line before
            chunk = chunk.removeprefix(b"\n")
            self._after_return = False
        lines = chunk.splitlines(keepends=True)
        rest = lines.pop() if lines and not lines[-1].endswith(_LINE_ENDS) else b""
        if lines:
            lines[0] = bytes(self._begun) + lines[0]
            self._begun.clear()
            self._after_return = not rest and lines[-1].endswith(b"\r")
            if self.lines == 0:
                lines[0] = lines[0].removeprefix(b"\xef\xbb\xbf")
        self._begun += rest
        self.lines += len(lines)
        return [line.rstrip(b"\r\n") for line in lines]

    def _take_line(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
        elif name == b"event":
            self._kind = value
        elif name == b"retry" and _MILLISECONDS.fullmatch(value):
            self.retry = int(value) / 1000

    def _finished_event(self) -> ServerEvent | None:
        kind, data = self._kind or b"message", self._data
        self._kind, self._data, self._size = b"", [], 0
        return ServerEvent(kind.decode("utf-8", "replace"), b"\n".join(data)) if data else None
