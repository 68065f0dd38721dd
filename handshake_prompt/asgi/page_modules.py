"""The page's ES modules over HTTP, revalidated whenever a page is loaded (RFC 9110, section 13)."""

from __future__ import annotations

import re
from functools import cache
from hashlib import sha256
from importlib import resources

from starlette.responses import Response

from handshake_prompt.protocol.errors import NotFoundError

from .requests import IndexedRequest
from .responses import Rendered, names_tag

_PART = re.compile(r"[a-z_]+\.js", re.ASCII)


def client_module(request: IndexedRequest, part: str | None = None) -> Response:
    """Return `client.js`, or one of the modules it is made of.

    Raises:
        NotFoundError: there is no such part.
    """
    source, tag = _read("client.js" if part is None else f"client/{_checked(part)}")
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
