"""uvicorn's protocols with a write deadline: the connection of a peer that stops reading is aborted.

An application can only stop sending. A connection that is closed in order waits until its peer has taken the buffer.
"""

from __future__ import annotations

import asyncio
import re
import socket
from importlib.util import find_spec
from typing import cast

from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

OFFER = re.compile(rb"\r\nupgrade[ \t]*:", re.IGNORECASE)
SYSTEM_BUFFER = 16 * 1024
"""Bytes that the system keeps before it sends them. It would keep megabytes, and take more only when a third of them is
gone: a peer that reads slowly would look like one that does not read."""
SOCKET_OPTION: int | None = getattr(socket, "TCP_NOTSENT_LOWAT", None)


class WriteDeadline(asyncio.Protocol):
    """A protocol that aborts its connection when the peer takes no byte of the buffer for `write_timeout`.

    A peer that reads slowly is none of them: each time the buffer has shrunk it gets the time again.
    """

    write_timeout = 10.0
    """Seconds, as `Limits.send_timeout`."""
    transport: asyncio.Transport
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Have the transport say so whenever there is a byte that it could not hand to the system."""
        cast("asyncio.Transport", transport).set_write_buffer_limits(high=0)
        if SOCKET_OPTION is not None:
            transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, SOCKET_OPTION, SYSTEM_BUFFER)
        super().connection_made(transport)

    def pause_writing(self) -> None:
        """Start the deadline: there is something in the buffer."""
        super().pause_writing()
        self._expect_progress()

    def resume_writing(self) -> None:
        """Drop the deadline: the buffer is empty."""
        self._drop_timer()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Drop the deadline with the connection."""
        self._drop_timer()
        super().connection_lost(exc)

    def _expect_progress(self) -> None:
        buffered = self.transport.get_write_buffer_size()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self.write_timeout, self._abort_if_stalled, buffered)

    def _abort_if_stalled(self, buffered: int) -> None:
        if self.transport.get_write_buffer_size() >= buffered:
            self.transport.abort()
        else:
            self._expect_progress()

    def _drop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class H11(WriteDeadline, H11Protocol):
    """HTTP/1.1 by h11."""


class WebSocketProtocol(WriteDeadline, WebSocketsSansIOProtocol):
    """WebSocket by websockets."""


HTTPProtocol: type[asyncio.Protocol] = H11
"""The fastest protocol for HTTP that is installed."""

if find_spec("httptools"):
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

    class HttpTools(WriteDeadline, HttpToolsProtocol):
        """HTTP/1.1 by httptools, but for connections that offer to upgrade: h11 serves them.

        httptools takes everything after an offer such as `Upgrade: h2c` for the new protocol: the body is lost.
        """

        def data_received(self, data: bytes) -> None:
            """Take bytes from the client, or leave the connection to h11."""
            is_between = self.cycle is None or self.cycle.response_complete
            if is_between and OFFER.search(data):
                self._hand_over(data)
            else:
                super().data_received(data)

        def _hand_over(self, data: bytes) -> None:
            self._unset_keepalive_if_required()
            self.connections.discard(self)
            successor = H11(self.config, self.server_state, self.app_state)
            successor.connection_made(self.transport)
            self.transport.set_protocol(successor)
            successor.data_received(data)

    HTTPProtocol = HttpTools
