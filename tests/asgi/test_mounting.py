"""Every path below a prefix of ours is ours to answer, in a host of whatever kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import httpx
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import Receive, Scope, Send

from handshake_prompt import HandshakeApp
from handshake_prompt.testing import InProcess

PATHS = ["/handshake/session/%0a/extend", "/handshake/%0a", "/handshake/context/a%0Ab", "/ws/handshake/%0a/x"]


@pytest.mark.parametrize("path", PATHS)
async def test_a_path_with_a_line_break_is_not_left_to_the_host(path: str) -> None:
    host = Starlette()
    HandshakeApp().mount_on(host)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(host), base_url="http://127.0.0.1") as http:
        response = await http.post(path, json={})
    assert response.headers["content-type"] == "application/problem+json"
    assert response.status_code in (403, 404, 405)


def mounted_on(hpp: HandshakeApp, host: Starlette) -> Starlette:
    hpp.mount_on(host)
    return host


HOSTS: dict[str, Callable[[HandshakeApp], Any]] = {
    "mount_on, FastAPI": lambda hpp: mounted_on(hpp, FastAPI()),
    "mount_on, Starlette": lambda hpp: mounted_on(hpp, Starlette()),
    "app.mount": lambda hpp: Starlette(routes=[Mount("/handshake", hpp)], lifespan=hpp.lifespan),
    "wrap": lambda hpp: hpp.wrap(Starlette()),
}


@pytest.mark.parametrize("order", ["form, then mount", "mount, then form"])
@pytest.mark.parametrize("mount", HOSTS.values(), ids=HOSTS)
async def test_a_form_is_registered_before_or_after_the_mount(mount: Callable[[HandshakeApp], Any], order: str) -> None:
    hpp = HandshakeApp()
    fields = [{"key": "name"}]
    if order == "form, then mount":
        hpp.form("claim", fields)
    host = mount(hpp)
    if order == "mount, then form":
        hpp.form("claim", fields)
    async with InProcess(host) as site:
        reply = await site.browser.get("/handshake/forms/claim")
        created = await site.browser.post("/handshake/session", json={"form": "claim"})
    assert (reply.json(), created.json()["form"]) == ({"form": "claim", "fields": fields}, "claim")


MISTAKES: dict[str, tuple[Callable[[HandshakeApp], object], str]] = {
    "mount_on, another framework": (lambda hpp: hpp.mount_on(cast("Any", Foreign())), "not Foreign: .* hpp.wrap"),
    "mount_on, no application": (lambda hpp: hpp.mount_on(cast("Any", "app")), "not str"),
    "wrap, no application": (lambda hpp: hpp.wrap(cast("Any", None)), "wrap takes an ASGI application, not NoneType"),
}


class Foreign:
    """An application of a framework that has no router of Starlette's."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve nothing."""


@pytest.mark.parametrize(("mount", "said"), MISTAKES.values(), ids=MISTAKES)
def test_an_application_that_cannot_be_mounted_on_is_refused_with_the_way_that_works(
    mount: Callable[[HandshakeApp], object], said: str
) -> None:
    with pytest.raises(TypeError, match=said):
        mount(HandshakeApp())
