"""Markup of the tag, as templates put it into pages."""

from __future__ import annotations

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from handshake_prompt import HandshakeApp


def test_the_markup_names_what_it_is_given_and_is_escaped_once() -> None:
    tag = HandshakeApp().tag('a"b', form="claim", language="zh")
    assert tag.__html__() == str(tag)
    assert tag == (
        '<script type="module" src="/handshake/element.js"></script>'
        '<handshake-prompt for="a&quot;b" name="claim" base="/handshake" lang="zh"></handshake-prompt>'
    )


def test_a_form_registered_by_the_id_is_opened_by_its_name() -> None:
    hpp = HandshakeApp()
    hpp.form("claim", [{"key": "name"}])
    assert 'for="claim" name="claim"' in hpp.tag("claim")
    assert "name=" not in hpp.tag("claim", form="")
    assert "name=" not in hpp.tag("other")


async def test_the_script_is_served_where_the_protocol_is_mounted() -> None:
    host, hpp = Starlette(), HandshakeApp()
    hpp.mount_on(host, prefix="/elsewhere")
    source = str(hpp.tag()).partition('src="')[2].partition('"')[0]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(host), base_url="http://host") as http:
        response = await http.get(source)
    assert (source, response.status_code) == ("/elsewhere/element.js", 200)
    assert HandshakeApp().tag(prefix="/third").startswith('<script type="module" src="/third/element.js">')


async def test_below_a_proxys_path_the_tag_is_told_the_prefix_of_a_request() -> None:
    hpp, told = HandshakeApp(), []

    async def page(request: Request) -> Response:
        told.append(hpp.tag("claim", prefix=request.scope["root_path"] + "/handshake"))
        return HTMLResponse(told[0])

    host = Starlette(routes=[Route("/claim", page)])
    hpp.mount_on(host)
    transport = httpx.ASGITransport(host, root_path="/shop")
    async with httpx.AsyncClient(transport=transport, base_url="http://host/shop/") as http:
        await http.get("claim")
        response = await http.get(str(told[0]).partition('src="/shop/')[2].partition('"')[0])
    assert (response.status_code, 'base="/shop/handshake"' in told[0]) == (200, True)
