"""HTTP client of one mount: retries with exponential back-off and jitter, within limits of time, bytes and attempts.

Failures become one tree of errors, `AgentError`. Foreign frames are cleared of their local variables on the way, since
frames of an HTTP stack hold the headers, and so the token.
"""

from __future__ import annotations

import asyncio
import ssl
import traceback
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

from .backoff import Backoff
from .errors import AgentError, BadReplyError, LocalSetupError, ServerUnavailableError
from .problems import clean_text, error_of_reply

ATTEMPTS = 4
SHORTEST_ATTEMPT = 0.05
"""Seconds that must be left for another attempt to be worth it."""
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 2.0
MOST_BYTES = 2 * 1024 * 1024
"""Of a reply: a session holds 512 KiB at most, which takes three times as much where every character is escaped."""
MOST_REFUSAL_BYTES = 64 * 1024

_NEVER_STARTED = frozenset({429, 503})
"""Statuses of requests that had no effect, on every server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request to a server.

    Args:
        path: below the mount.
        body: JSON to post; a GET without.
        method: another one than these two.
        query: the parameters of the URL.
        headers: beside the common ones.
        wait: seconds of long polling that the server is asked for.
        slack: seconds that carrying it out may take on top.
        repeatable: whether a second effect does no harm, or there is none.
    """

    path: str
    body: bytes | None = field(default=None, repr=False)
    method: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    wait: float = 0.0
    slack: float = 0.0
    repeatable: bool = True


@dataclass(frozen=True, slots=True)
class Reply:
    """A success, read whole."""

    body: bytes = field(repr=False)
    content_type: str


class HTTPClient:
    """One mount's endpoints, for one token, in one event loop.

    Args:
        http: sends the requests; it is told to follow no redirect and to ask for no compression, against its settings.
        mount: the URL that paths begin with.
        headers: of every request; the token is among them.
        token: to keep it out of errors.
        timeout: seconds for a request, all attempts and pauses together, on top of its own `wait` and `slack`.
        peer: the server's name in errors.
        owns_http: whether `http` is closed along with this client.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        mount: str,
        *,
        headers: Mapping[str, str],
        token: str,
        timeout: float,
        peer: str,
        owns_http: bool,
    ) -> None:
        self._http = http
        self._owns_http = owns_http
        self._mount = mount
        self._peer = peer
        # What is not compressed cannot grow on arrival.
        usual = {"Accept": "application/json", "Accept-Encoding": "identity"}
        self._headers = httpx.Headers({**usual, **headers}, encoding="utf-8")
        self._loop: asyncio.AbstractEventLoop | None = None
        self.token = token
        self.timeout = timeout

    @property
    def is_elsewhere(self) -> bool:
        """Whether the first request was sent in another event loop than the running one."""
        return self._loop is not None and self._loop is not asyncio.get_running_loop()

    async def send(self, request: Request) -> Reply:
        """Send a request; repeat it where that is safe and may help.

        Raises:
            AgentError: the outcome of the last attempt.
        """
        now = asyncio.get_running_loop().time
        began = now()
        ends = began + self.timeout + request.wait + request.slack
        backoff = Backoff(FIRST_PAUSE, LONGEST_PAUSE)
        attempt = 1
        # Each attempt but the last leaves half of the remaining time to its successors, so that one connection that
        # hangs cannot use up all of it; no pause is begun that would end too late for another attempt.
        while True:
            left, wait = ends - now(), max(0.0, request.wait - (now() - began))
            limit = left if attempt == ATTEMPTS else min(left, (left + wait + request.slack) / 2)
            try:
                return await self.send_once(request, limit=limit, wait=wait)
            except AgentError as error:
                pause = backoff.next_pause(error.retry_after)
                late = now() + pause + SHORTEST_ATTEMPT > ends
                if attempt == ATTEMPTS or late or not _may_repeat(request, error):
                    raise
            await asyncio.sleep(pause)
            attempt += 1

    async def send_once(self, request: Request, *, limit: float, wait: float = 0.0) -> Reply:
        """Send a request a single time.

        Args:
            request: to be sent.
            limit: seconds it may take.
            wait: seconds of long polling that the server is asked for.

        Raises:
            AgentError: it did not succeed.
        """
        with self.translated_errors():
            async with asyncio.timeout(limit):
                response = await self._send_once(request, wait)
                try:
                    return Reply(await _success_body(response), response.headers.get("content-type", ""))
                finally:
                    await response.aclose()

    async def open_stream(self, request: Request, *, limit: float) -> httpx.Response:
        """Send a request a single time, and return the successful reply with its body still to be read.

        Raises:
            AgentError: it did not succeed.
        """
        with self.translated_errors():
            async with asyncio.timeout(limit):
                return await self._send_once(request, 0.0)

    async def aclose(self) -> None:
        """Close the connections; in another event loop they are gone already."""
        if self._owns_http and not self.is_elsewhere:
            await self._http.aclose()

    def check_loop(self) -> None:
        """Keep to one event loop: a connection that was opened in one cannot be used in another.

        Raises:
            LocalSetupError: the running loop is another one than at first, and the connections are of our making.
        """
        if self.is_elsewhere and self._owns_http:
            raise other_loop()
        self._loop = self._loop or asyncio.get_running_loop()

    @contextmanager
    def translated_errors(self) -> Iterator[None]:
        """Turn the failures of a connection into `ServerUnavailableError`."""
        try:
            yield
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, OSError, UnicodeError) as error:
            translation = self._translate_error(error)
            _clear_locals(error)
            raise translation from error
        except RuntimeError as error:
            if not self.is_elsewhere:
                raise
            _clear_locals(error)
            raise other_loop() from error

    def _translate_error(self, error: Exception) -> AgentError:
        if isinstance(error, TimeoutError):
            return ServerUnavailableError(f"{self._peer} did not answer in time", code="timeout")
        if not isinstance(error, httpx.ConnectError):
            return ServerUnavailableError(
                f"The connection to {self._peer} broke off: {self._clean_text(error)}", code="connection_lost"
            )
        if _is_about_certificate(error):
            return ServerUnavailableError(
                f"The certificate of {self._peer} is not valid for it",
                code="untrusted_certificate",
                next_steps=["Check the address; if it is right, tell the person not to use this server for now."],
                retryable=False,
            )
        return ServerUnavailableError(
            f"There is no connection to {self._peer}: {self._clean_text(error)}", code="unreachable"
        )

    async def _send_once(self, request: Request, wait: float) -> httpx.Response:
        self.check_loop()
        response = await self._http.send(self._build_request(request, wait), stream=True, follow_redirects=False)
        if response.status_code == httpx.codes.OK:
            return response
        try:
            body = await _refusal_body(response)
        finally:
            await response.aclose()
        raise error_of_reply(response.status_code, response.headers, body, secret=self.token)

    def _build_request(self, request: Request, wait: float) -> httpx.Request:
        query = {**request.query, **({"wait": f"{wait:.1f}"} if wait else {})}
        headers = self._headers.copy()
        headers.update(request.headers)
        return self._http.build_request(
            request.method or ("GET" if request.body is None else "POST"),
            self._mount + request.path,
            params=query or None,
            content=request.body,
            headers=headers,
            timeout=None,  # the caller's limit is for all of it; that of httpx begins anew with every chunk
        )

    def _clean_text(self, error: Exception) -> str:
        return clean_text(str(error) or type(error).__name__, self.token)


def _may_repeat(request: Request, error: AgentError) -> bool:
    if not error.retryable and error.retry_after is None:
        return False
    return request.repeatable or error.status in _NEVER_STARTED or error.code == "unreachable"


def other_loop() -> LocalSetupError:
    """Return the error of connections that belong to another event loop than the running one."""
    return LocalSetupError(
        "This agent's connections belong to another event loop",
        code="event_loop_changed",
        next_steps=["Do all that one HandshakeAgent is for within one asyncio.run, or open a new one in each."],
    )


def _clear_locals(error: BaseException | None) -> None:
    """Empty the finished frames of an error and of its causes."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


def is_compressed(response: httpx.Response) -> bool:
    """Whether a reply is compressed, although no request allows it."""
    return bool(response.headers.get("content-encoding", "identity").lower() != "identity")


def body_chunks(response: httpx.Response) -> AsyncIterator[bytes]:
    """Return the body as it arrives, or as the owner of the HTTP client has read it already."""
    return response.aiter_bytes() if response.is_stream_consumed else response.aiter_raw()


async def _success_body(response: httpx.Response) -> bytes:
    """Return the body of a success.

    Raises:
        BadReplyError: it is compressed although that was not asked for, or too large.
    """
    if is_compressed(response):
        raise BadReplyError("The server sent a compressed reply that nobody asked for", code="compressed")
    body = bytearray()
    async for chunk in body_chunks(response):
        body += chunk
        if len(body) > MOST_BYTES:
            raise BadReplyError(f"The server's reply has more than {MOST_BYTES} bytes", code="reply_too_large")
    return bytes(body)


async def _refusal_body(response: httpx.Response) -> bytes:
    """Return the body of a refusal, cut where it is longer than any of the protocol's."""
    body = bytearray()
    async for chunk in body_chunks(response):
        body += chunk
        if len(body) > MOST_REFUSAL_BYTES:
            break
    return bytes(body)


def _is_about_certificate(error: BaseException | None) -> bool:
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error is not None
