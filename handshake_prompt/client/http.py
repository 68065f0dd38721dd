"""Requests to one server, within limits of time, bytes and attempts. Whatever goes wrong becomes an `AgentError`."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

from .backoff import Backoff
from .errors import AgentError, BadReplyError, ServerUnavailableError
from .problems import clean, error_of_reply

ATTEMPTS = 4
SHORTEST_ATTEMPT = 0.05
"""Seconds that must be left for another attempt to be worth it."""
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 2.0
MOST_BYTES = 2 * 1024 * 1024
"""Of a reply: a session holds 512 KiB at most, which takes three times as much where every character is escaped."""
MOST_REFUSAL_BYTES = 64 * 1024

_NEVER_STARTED = frozenset({429, 503})
"""Statuses of requests that had no effect, whoever answers so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to ask of a server.

    Args:
        path: below the mount.
        body: JSON to post; a GET without.
        query: the parameters of the URL.
        headers: beside those that every request has.
        wait: seconds that the server is asked to keep the request open.
        slack: seconds that carrying it out may take on top.
        repeatable: whether a second effect does no harm, or there is none.
    """

    path: str
    body: bytes | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    wait: float = 0.0
    slack: float = 0.0
    repeatable: bool = True


@dataclass(frozen=True, slots=True)
class Reply:
    """A success, read whole."""

    body: bytes
    content_type: str


class HTTPClient:
    """One server's endpoints, for one token.

    Args:
        http: sends the requests; it is told to follow no redirect and to ask for no compression, whatever it is set to.
        mount: the URL that paths begin with.
        headers: of every request; the token is among them.
        token: to keep it out of errors.
        timeout: seconds a call may take, all attempts and pauses together, on top of its own `wait` and `slack`.
    """

    def __init__(
        self, http: httpx.AsyncClient, mount: str, *, headers: Mapping[str, str], token: str, timeout: float
    ) -> None:
        self._http = http
        self._mount = mount
        self._host = httpx.URL(mount).netloc.decode()
        # What is not compressed cannot grow on arrival.
        usual = {"Accept": "application/json", "Accept-Encoding": "identity"}
        self._headers = httpx.Headers({**usual, **headers}, encoding="utf-8")
        self.token = token
        self.timeout = timeout

    async def send(self, request: Request) -> Reply:
        """Send a request, again where that is safe and may help.

        Raises:
            AgentError: how the last attempt went.
        """
        now = asyncio.get_running_loop().time
        began = now()
        ends = began + self.timeout + request.wait + request.slack
        backoff = Backoff(FIRST_PAUSE, LONGEST_PAUSE)
        attempt = 1
        while True:
            left, wait = ends - now(), max(0.0, request.wait - (now() - began))
            # All attempts but the last leave half of the time to those that may have to follow.
            limit = left if attempt == ATTEMPTS else min(left, (left + wait + request.slack) / 2)
            try:
                return await self.send_once(request, limit=limit, wait=wait)
            except AgentError as error:
                pause = backoff.pause(error.retry_after)
                late = now() + pause + SHORTEST_ATTEMPT > ends
                if attempt == ATTEMPTS or late or not _may_repeat(request, error):
                    raise
            await asyncio.sleep(pause)
            attempt += 1

    async def send_once(self, request: Request, *, limit: float, wait: float = 0.0) -> Reply:
        """Send a request a single time.

        Args:
            request: what to ask.
            limit: seconds it may take.
            wait: seconds that the server is asked to keep it open.

        Raises:
            AgentError: it did not succeed.
        """
        with self.translated():
            async with asyncio.timeout(limit):
                response = await self._send(request, wait)
                try:
                    return Reply(await _body(response), response.headers.get("content-type", ""))
                finally:
                    await response.aclose()

    async def open_stream(self, request: Request, *, limit: float) -> httpx.Response:
        """Send a request a single time, and return the successful reply with its body still to be read.

        Raises:
            AgentError: it did not succeed.
        """
        with self.translated():
            async with asyncio.timeout(limit):
                return await self._send(request, 0.0)

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turn what a connection can raise into `ServerUnavailableError`."""
        try:
            yield
        except TimeoutError as error:
            raise ServerUnavailableError(f"{self._host} did not answer in time", code="timeout") from error
        except httpx.ConnectError as error:
            if _is_about_certificate(error):
                raise ServerUnavailableError(
                    f"The certificate of {self._host} is not valid for it",
                    code="untrusted_certificate",
                    next_steps=["Check the address; if it is right, tell the person not to use this server for now."],
                    retryable=False,
                ) from error
            raise ServerUnavailableError(
                f"There is no connection to {self._host}: {self._clean(error)}", code="unreachable"
            ) from error
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, OSError, UnicodeError) as error:
            raise ServerUnavailableError(
                f"The connection to {self._host} broke off: {self._clean(error)}", code="connection_lost"
            ) from error

    async def _send(self, request: Request, wait: float) -> httpx.Response:
        query = {**request.query, **({"wait": f"{wait:.1f}"} if wait else {})}
        headers = self._headers.copy()
        headers.update(request.headers)
        built = self._http.build_request(
            "GET" if request.body is None else "POST",
            self._mount + request.path,
            params=query or None,
            content=request.body,
            headers=headers,
            timeout=None,  # the caller's limit is for all of it; that of httpx begins anew with every chunk
        )
        response = await self._http.send(built, stream=True, follow_redirects=False)
        if response.status_code == httpx.codes.OK:
            return response
        try:
            body = await _start(response)
        finally:
            await response.aclose()
        raise error_of_reply(response.status_code, response.headers, body, secret=self.token)

    def _clean(self, error: Exception) -> str:
        return clean(str(error) or type(error).__name__, self.token)


def _may_repeat(request: Request, error: AgentError) -> bool:
    if not error.retryable and error.retry_after is None:
        return False
    return request.repeatable or error.status in _NEVER_STARTED or error.code == "unreachable"


def is_compressed(response: httpx.Response) -> bool:
    """Whether a reply is compressed, although no request allows it."""
    return bool(response.headers.get("content-encoding", "identity").lower() != "identity")


def chunks(response: httpx.Response) -> AsyncIterator[bytes]:
    """Return the body as it arrives, or as whoever brought the HTTP client has read it already."""
    return response.aiter_bytes() if response.is_stream_consumed else response.aiter_raw()


async def _body(response: httpx.Response) -> bytes:
    """Return the body of a success.

    Raises:
        BadReplyError: it is compressed although that was not asked for, or too large.
    """
    if is_compressed(response):
        raise BadReplyError("The server sent a compressed reply that nobody asked for", code="compressed")
    body = bytearray()
    async for chunk in chunks(response):
        body += chunk
        if len(body) > MOST_BYTES:
            raise BadReplyError(f"The server's reply has more than {MOST_BYTES} bytes", code="reply_too_large")
    return bytes(body)


async def _start(response: httpx.Response) -> bytes:
    """Return the body of a refusal, or as much of it as may matter."""
    body = bytearray()
    async for chunk in chunks(response):
        body += chunk
        if len(body) > MOST_REFUSAL_BYTES:
            break
    return bytes(body)


def _is_about_certificate(error: BaseException | None) -> bool:
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error is not None
