"""The page's ES modules over HTTP, at addresses of their contents (RFC 8246), behind entries that are revalidated.

A page imports an entry such as `/element.js`, asked for again whenever the page is loaded. Everything else is below
`/modules/DIGEST/`, and a browser keeps it: another version has another digest. While two versions answer at one
address, a worker may be asked for modules of the other one. It answers with its own, as an entry is answered, so that
no cache takes them for the other's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from starlette.responses import Response
from starlette.routing import Route

from handshake_prompt.protocol.errors import NotFoundError

from . import page_sources
from .http import Handler, Resource
from .negotiation import accepts_gzip
from .page_sources import KEPT, MODULES, Document
from .requests import IndexedRequest
from .responses import Headers, Rendered, names_tag

_REVALIDATED = b"no-cache"
_IMMUTABLE = b"public, max-age=31536000, immutable"
_DIGEST = re.compile(r"[0-9a-f]{16}", re.ASCII)


def module_routes() -> Iterator[Route]:
    """Yield the routes of the modules and the entries to them, relative to the mount."""
    for name in MODULES:
        for path in (f"{name}.js", f"{name}/{{part}}"):
            yield Route(f"/{path}", Resource({"GET": _entry_at(path)}))
    for path in ("{part}", "{name}/{part}"):
        yield Route(f"/{KEPT}/{{digest}}/{path}", Resource({"GET": _module_at(path)}))


def _entry_at(template: str) -> Handler:
    async def entry(request: IndexedRequest) -> Response:
        path = template.format_map(request.path_params)
        return _response(request, page_sources.entry(path), _REVALIDATED)

    return entry


def _module_at(template: str) -> Handler:
    async def module(request: IndexedRequest) -> Response:
        path, digest = template.format_map(request.path_params), request.path_params["digest"]
        if not _DIGEST.fullmatch(digest):
            raise NotFoundError("There is no such module")
        is_own = digest == page_sources.digest()
        return _response(request, page_sources.module(path), _IMMUTABLE if is_own else _REVALIDATED)

    return module


def _response(request: IndexedRequest, document: Document, caching: bytes) -> Response:
    """Return a module in the content coding that the client takes.

    Whether other origins may read it depends on the request, and one that is kept has to say so even where it was asked
    for without an origin.
    """
    is_zipped = accepts_gzip(request.all(b"accept-encoding").decode("latin-1"))
    body, etag = document.gzipped if is_zipped else document.plain
    headers: Headers = [
        (b"cache-control", caching),
        (b"etag", etag),
        (b"vary", b"Accept-Encoding, Origin"),
        (b"x-content-type-options", b"nosniff"),
    ]
    if names_tag(request.first.get(b"if-none-match", b""), etag):
        return Rendered(304, headers)
    if is_zipped:
        headers.append((b"content-encoding", b"gzip"))
    return Rendered(200, headers, body, kind=b"text/javascript; charset=utf-8")
