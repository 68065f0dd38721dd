"""The page's ES modules over HTTP, revalidated whenever a page is loaded (RFC 9110, section 13)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from importlib import resources

from starlette.responses import Response
from starlette.routing import Route

from handshake_prompt.protocol.errors import NotFoundError

from .http import Handler, Resource
from .requests import IndexedRequest
from .responses import Rendered, names_tag

MODULES = ("client", "draw", "element", "form", "webmcp")
"""Names of the modules that pages import; `NAME.js` imports what is below `NAME/`."""
_PART = re.compile(r"[a-z_]+\.js", re.ASCII)


def module_routes() -> Iterator[Route]:
    """Yield the routes of the modules and their parts, relative to the mount."""
    for name in MODULES:
        yield Route(f"/{name}.js", Resource({"GET": _module(f"{name}.js")}))
        yield Route(f"/{name}/{{part}}", Resource({"GET": _part_of(name)}))


def _module(path: str) -> Handler:
    async def module(request: IndexedRequest) -> Response:
        return _response(request, path)

    return module


def _part_of(name: str) -> Handler:
    async def part(request: IndexedRequest) -> Response:
        return _response(request, f"{name}/{_checked(request.path_params['part'])}")

    return part


def _response(request: IndexedRequest, path: str) -> Response:
    """Return a module.

    Raises:
        NotFoundError: there is no such module.
    """
    source, tag = _read(path)
    headers = [(b"cache-control", b"no-cache"), (b"x-content-type-options", b"nosniff"), (b"etag", tag)]
    if names_tag(request.first.get(b"if-none-match", b""), tag):
        return Rendered(304, headers)
    return Rendered(200, headers, source, kind=b"text/javascript; charset=utf-8")


def _checked(part: str) -> str:
    if not _PART.fullmatch(part):
        raise NotFoundError("There is no such module")
    return part


@cache
def _read(path: str) -> tuple[bytes, bytes]:
    """Return a module's source and its tag. Only modules that exist are cached."""
    try:
        source = resources.files("handshake_prompt.page").joinpath(path).read_bytes()
    except FileNotFoundError:
        raise NotFoundError("There is no such module") from None
    return source, b'"%s"' % sha256(source).hexdigest()[:32].encode()
