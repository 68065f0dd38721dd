"""Demo application: an expense report that a person and their agent fill in together."""

from __future__ import annotations

from importlib import resources
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from handshake_prompt.asgi.app import HandshakeApp
from handshake_prompt.asgi.bodies import JSONBody
from handshake_prompt.asgi.http import Handler, Resource
from handshake_prompt.asgi.requests import IndexedRequest
from handshake_prompt.asgi.responses import json_response
from handshake_prompt.protocol import bodies

PAGES = {
    "/": ("index.html", "text/html"),
    "/demo.css": ("demo.css", "text/css"),
    "/demo.js": ("demo.js", "text/javascript"),
    "/form.js": ("form.js", "text/javascript"),
    "/sample_agent.js": ("sample_agent.js", "text/javascript"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}
"""path -> file and media type; nothing else of the package is served."""

PAGE_HEADERS = {
    # Nothing inline and nothing from elsewhere: a value that an agent wrote can never become code.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


class SubmitRequest(msgspec.Struct, frozen=True, rename="camel"):
    """`POST /submit`: the values are not in it, since the server holds them and knows the author of each.

    `cursor` is the place in the session's log that the page shows.
    """

    session_id: str
    cursor: str | None = None


def create_demo(**options: Any) -> Starlette:
    """Return the demo application.

    Args:
        options: arguments of `HandshakeApp`.

    Raises:
        ValueError: an option is invalid.
    """
    hpp = HandshakeApp(**options)

    async def submit(request: IndexedRequest) -> Response:
        body = bodies.decode(SubmitRequest, await JSONBody(request, hpp.engine.limits)())
        return _submitted(await hpp.read_as_user(request, body.session_id, cursor=body.cursor))

    pages = [Route(path, Resource({"GET": _page(name, media_type)})) for path, (name, media_type) in PAGES.items()]
    app = Starlette(routes=[*pages, Route("/submit", Resource({"POST": submit}))])
    hpp.mount_on(app, prefix="/handshake", ws_prefix="/ws/handshake")
    app.state.hpp = hpp
    return app


def _page(name: str, media_type: str) -> Handler:
    content = resources.files(__package__).joinpath(name).read_bytes()

    async def page(_: Request) -> Response:
        return Response(content, headers=PAGE_HEADERS, media_type=media_type)

    return page


def _submitted(form: dict[str, Any]) -> Response:
    """Answer with the submitted values, or with the required fields that are still missing."""
    if form.get("missing"):
        return json_response({"missing": form["missing"]}, 422)
    nothing = {"value": None, "by": "empty"}
    records = ((field["key"], form["context"].get(field["key"], nothing)) for field in form.get("schema", ()))
    return json_response({"fields": [{"key": key, "value": it["value"], "by": it["by"]} for key, it in records]})
