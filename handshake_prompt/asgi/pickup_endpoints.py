"""Exchange of codes at `/pickup/{code}`: the prompt for the first client, a page for mere previews. SPEC.md section 4.

`GET` with a side effect is for agents that can do nothing else (RFC 9110, section 9.2.1, has it be safe). So a request
with another likely purpose exchanges nothing: `HEAD`, a prefetch, an image or a frame of a page, a previewer of links,
and a client that would rather have HTML, as browsers and most scanners would. It is answered with a page; the button of
that, or the other address in it, makes the exchange. That address has a key of this visitor's in it, so it may be asked
for again if a reply is lost.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from starlette.convertors import Convertor
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from handshake_prompt.engine import ProtocolEngine
from handshake_prompt.protocol.credentials import mint_token
from handshake_prompt.protocol.errors import HandshakeError
from handshake_prompt.protocol.mount import Mount
from handshake_prompt.texts.pickup_page import preview_page, prompt_page, refusal_page
from handshake_prompt.texts.secret import Secret

from .credential_reader import CredentialReader
from .http import Resource
from .negotiation import EXACT, preference
from .requests import IndexedRequest
from .responses import Headers, Rendered, problem_headers, problem_response

_PURPOSES = (b"sec-purpose", b"purpose", b"x-purpose", b"x-moz")
_SPECULATIVE = re.compile(rb"prefetch|prerender|preview", re.IGNORECASE)
_PREVIEWERS = re.compile(rb"bot\b|crawl|spider|slurp|preview|externalhit|embed|unfurl|whatsapp|scan", re.IGNORECASE)
"""Names of programs that look at addresses in messages. An agent among them is sent to the other address."""
_READERS = re.compile(rb"\b[a-z]+-user\b", re.IGNORECASE)
"""Names of programs that fetch what their person asks for, though they may mention bots: `ChatGPT-User`."""

_PRIVATE: Headers = [
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"vary", b"Accept"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-robots-tag", b"none"),
]
_STRICT: Headers = [
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    )
]


class _SecretConvertor(Convertor[str]):
    """A segment of a path, masked in the records of error trackers."""

    regex = "[^/]+"

    def convert(self, value: str) -> str:
        return Secret(value)

    def to_string(self, value: str) -> str:
        return str(value)


class _SecretRoute(Route):
    """A route with such segments alone."""

    def __init__(self, path: str, endpoint: Resource) -> None:
        super().__init__(path, endpoint)
        self.param_convertors = dict.fromkeys(self.param_convertors, _SecretConvertor())


class PickupEndpoints:
    """The handlers of exchanges.

    Args:
        engine: carries them out.
        credential_of: reads a request's address, and the name it gives itself.
        mount_of: returns the mount as the client of a request sees it.
    """

    def __init__(
        self,
        engine: ProtocolEngine,
        credential_of: CredentialReader,
        mount_of: Callable[[HTTPConnection[Any]], Mount],
    ) -> None:
        self._engine = engine
        self._credential_of = credential_of
        self._mount_of = mount_of

    def routes(self) -> list[BaseRoute]:
        """Return the routes, relative to the mount."""
        handlers = {"GET": self._get, "POST": self._exchange}
        return [_SecretRoute(path, Resource(handlers)) for path in ("/pickup/{code}", "/pickup/{code}/{key}")]

    async def _get(self, request: IndexedRequest) -> Response:
        return await (self._preview if _is_preview(request) else self._exchange)(request)

    async def _exchange(self, request: IndexedRequest) -> Response:
        header = request.first.get(b"idempotency-key")
        key = request.path_params.get("key") or (Secret(header.decode("latin-1")) if header else None)
        credential, mount = self._credential_of(request, ""), self._mount_of(request)
        try:
            code = request.path_params["code"]
            prompt, language = await self._engine.take_pickup(code, credential, key=key, mount=mount)
        except HandshakeError as error:
            return _refused(request, error)
        if _wants_page(request):
            return _page(prompt_page(prompt, f"{mount.prefix}/client/copy_button.js", language=language))
        return Rendered(200, [*_PRIVATE], prompt.encode(), kind=_text_kind(request))

    async def _preview(self, request: IndexedRequest) -> Response:
        code, credential = request.path_params["code"], self._credential_of(request, "")
        try:
            found = await self._engine.look_at_pickup(code, credential, mount=self._mount_of(request))
        except HandshakeError as error:
            return _refused(request, error)
        if request.method == "HEAD" and not _wants_page(request):
            return Rendered(200, [*_PRIVATE, (b"content-type", _text_kind(request))])
        key = request.path_params.get("key") or mint_token()
        return _page(preview_page(f"{found.url}/{key}", language=found.language))


def _is_preview(request: IndexedRequest) -> bool:
    """Whether a GET or HEAD may have come without anybody's will to have the prompt.

    An address with a key is in the page for previews alone, and was read there.
    """
    if request.method == "HEAD" or any(_SPECULATIVE.search(request.all(name)) for name in _PURPOSES):
        return True
    if "key" in request.path_params:
        return False
    is_part_of_a_page = request.first.get(b"sec-fetch-dest", b"empty") != b"empty"
    name = request.first.get(b"user-agent", b"")
    is_previewer = _PREVIEWERS.search(name) is not None and _READERS.search(name) is None
    return is_part_of_a_page or is_previewer or _wants_page(request)


def _wants_page(request: IndexedRequest) -> bool:
    """Whether a client would rather have HTML than a text."""
    accept = request.all(b"accept").decode("latin-1")
    page = preference(accept, "text/html")
    return page.quality > 0 and page > max(preference(accept, "text/plain"), preference(accept, "text/markdown"))


def _text_kind(request: IndexedRequest) -> bytes:
    """Return the media type of a prompt for a client: plain text, unless it names Markdown."""
    accept = request.all(b"accept").decode("latin-1")
    markdown, plain = preference(accept, "text/markdown"), preference(accept, "text/plain")
    is_named = markdown.specificity == EXACT and markdown.quality > 0 and markdown >= plain
    return b"text/markdown; charset=utf-8" if is_named else b"text/plain; charset=utf-8"


def _page(html: str, status: int = 200, headers: Headers | None = None) -> Response:
    return Rendered(status, [*_PRIVATE, *_STRICT, *(headers or [])], html.encode(), kind=b"text/html; charset=utf-8")


def _refused(request: IndexedRequest, error: HandshakeError) -> Response:
    """Return a refusal: as a page for people, and for all others as anywhere else."""
    if not _wants_page(request):
        return problem_response(error, [(b"referrer-policy", b"no-referrer")])
    html = refusal_page(error.title, " ".join(error.next_steps) or error.detail)
    return _page(html, error.status, problem_headers(error))
