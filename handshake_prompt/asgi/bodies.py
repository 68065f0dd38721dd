"""JSON bodies of requests, read on demand and within bounds of size and time. SPEC.md section 9."""

from __future__ import annotations

from starlette.requests import ClientDisconnect

from handshake_prompt.engine.access.fair_queue import HEAVY_BODY, take_slot
from handshake_prompt.protocol.addresses import counted_address
from handshake_prompt.protocol.errors import (
    BodyLostError,
    BodyTimeoutError,
    TooLargeError,
    UnsupportedMediaTypeError,
)
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.values import check_json

from .deadlines import within
from .requests import IndexedRequest, client_address

MOST_DIGITS = 18
"""Of a Content-Length: Python refuses to read a number of thousands of digits."""


class JSONBody:
    """The body of one request. Nothing is read before the engine, once it has admitted the request, asks for it.

    Args:
        request: the request.
        limits: of the engine.
        may_be_empty: whether no body at all is one without members, unless it is declared as JSON.
    """

    def __init__(self, request: IndexedRequest, limits: Limits, *, may_be_empty: bool = False) -> None:
        self._request = request
        self._limits = limits
        self._may_be_empty = may_be_empty

    async def __call__(self) -> bytes:
        """Return the body; from here on the request has it, too.

        Raises:
            UnsupportedMediaTypeError: it is not declared as JSON, or is compressed.
            TooLargeError: it is larger than a body may be, where reading stops, or has too many values.
            BodyTimeoutError: it did not arrive in time.
            BodyLostError: the server has lost it.
            ClientDisconnect: the client went away before it was whole.
        """
        if not (self._is_json or self._may_be_empty):
            raise UnsupportedMediaTypeError
        declared = self._request.first.get(b"content-length", b"0").lstrip(b"0")
        if declared.isdigit() and (len(declared) > MOST_DIGITS or int(declared) > self._most):
            raise self._too_large()
        try:
            body = await within(self._limits.body_timeout, self._read())
        except TimeoutError:
            raise BodyTimeoutError(f"The body did not arrive within {self._limits.body_timeout:g} s") from None
        if self._is_lost(body):
            raise BodyLostError
        if not self._is_json:
            if body:
                raise UnsupportedMediaTypeError
            return b"{}"
        if len(body) > HEAVY_BODY:
            await take_slot(counted_address(client_address(self._request.scope)))
        check_json(body, self._limits)
        self._request.keep(body)
        return body

    @property
    def _is_json(self) -> bool:
        """Whether the body is declared as plain JSON."""
        headers = self._request.first
        content_type = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        encoding = headers.get(b"content-encoding", b"identity").lower()
        return (content_type, encoding) == (b"application/json", b"identity")

    @property
    def _most(self) -> int:
        return self._limits.body_bytes

    async def _read(self) -> bytes:
        body, more = bytearray(), True
        while more:
            message = await self._request.receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            body += message.get("body", b"")
            if len(body) > self._most:
                raise self._too_large()
            more = message.get("more_body", False)
        return bytes(body)

    def _is_lost(self, body: bytes) -> bool:
        """Whether the server has lost the body of a request that offers to upgrade the connection.

        uvicorn with httptools does, at `Upgrade: h2c`: the parser takes the body for the new protocol's.
        """
        headers = self._request.first
        if body or b"upgrade" not in headers:
            return False
        return b"transfer-encoding" in headers or headers.get(b"content-length", b"0").strip(b"0") != b""

    def _too_large(self) -> TooLargeError:
        return TooLargeError(f"A body holds at most {self._most} bytes", code="body_too_large")
