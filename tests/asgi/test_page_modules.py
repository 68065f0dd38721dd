"""The page's ES modules: entries that are revalidated, modules that are kept, and their content codings."""

from __future__ import annotations

import gzip
import re

import httpx
import pytest
from starlette.applications import Starlette

from handshake_prompt import HandshakeApp
from handshake_prompt.asgi import page_sources
from handshake_prompt.asgi.page_sources import MODULES
from tests.support.in_process import client

ENTRIES = ["client.js", "client/connection.js", "form.js", "form/values.js", "element.js"]
FOREIGN = "0123456789abcdef"
OWN, OTHER = (f"modules/{digest}/client/rows.js" for digest in (page_sources.digest(), FOREIGN))
IMPORT = re.compile(r'^(?:import|export) (?:.*? from )?"([^"]+)";$', re.MULTILINE)


@pytest.mark.parametrize("path", [*ENTRIES, OTHER])
async def test_what_may_change_is_kept_but_asked_for_again(path: str) -> None:
    async with client(HandshakeApp()) as http:
        assert (await http.get(f"/handshake/{path}")).headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("part", ["client.js", "client/rows.js"])
async def test_a_module_is_kept_for_a_year_below_the_digest_of_its_own_version_alone(part: str) -> None:
    async with client(HandshakeApp()) as http:
        own = await http.get(f"/handshake/modules/{page_sources.digest()}/{part}")
        other = await http.get(f"/handshake/modules/{FOREIGN}/{part}")
    assert own.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert (own.text, own.headers["etag"]) == (other.text, other.headers["etag"])


@pytest.mark.parametrize("path", [*ENTRIES, OWN, OTHER])
@pytest.mark.parametrize("coding", ["gzip", "identity"])
async def test_a_module_that_is_known_is_not_sent_again(path: str, coding: str) -> None:
    async with client(HandshakeApp()) as http:
        http.headers["Accept-Encoding"] = coding
        sent = await http.get(f"/handshake/{path}")
        again = await http.get(f"/handshake/{path}", headers={"If-None-Match": sent.headers["etag"]})
    assert (sent.status_code, sent.headers["content-type"]) == (200, "text/javascript; charset=utf-8")
    assert "export" in sent.text
    assert (again.status_code, again.content) == (304, b"")
    for name in ("cache-control", "etag", "vary", "x-content-type-options"):
        assert sent.headers[name] == again.headers[name]
    assert sent.headers["x-content-type-options"] == "nosniff"


async def test_each_content_coding_of_a_module_has_a_tag_of_its_own() -> None:
    replies = []
    async with client(HandshakeApp()) as http:
        for coding in ("gzip", "identity"):
            async with http.stream("GET", f"/handshake/{OWN}", headers={"Accept-Encoding": coding}) as reply:
                replies.append((reply.headers, b"".join([piece async for piece in reply.aiter_raw()])))
        (zipped, compressed), (plain, source) = replies
        crossed = {"Accept-Encoding": "identity", "If-None-Match": zipped["etag"]}
        assert (await http.get(f"/handshake/{OWN}", headers=crossed)).status_code == 200
    assert (zipped["content-encoding"], "content-encoding" in plain) == ("gzip", False)
    assert gzip.decompress(compressed) == source
    assert len(compressed) < len(source)
    assert zipped["etag"] != plain["etag"]
    assert {"Accept-Encoding", "Origin"} <= set(zipped["vary"].split(", ")) == set(plain["vary"].split(", "))


@pytest.mark.parametrize("coding", ["gzip", "identity"])
async def test_head_has_the_length_of_what_get_sends(coding: str) -> None:
    async with client(HandshakeApp()) as http:
        http.headers["Accept-Encoding"] = coding
        get, head = await http.get(f"/handshake/{OWN}"), await http.head(f"/handshake/{OWN}")
    assert dict(head.headers) == dict(get.headers)
    assert head.content == b""


@pytest.mark.parametrize("folder", ["client", f"modules/{page_sources.digest()}/client", f"modules/{FOREIGN}/client"])
@pytest.mark.parametrize(
    "part", ["none.js", "__init__.py", "..%2f__init__.py", "%2e%2e%2fdemo%2fdemo.js", "x.js.js", "rows.js%0a", "{part}"]
)
async def test_nothing_but_the_pages_modules_is_served(folder: str, part: str) -> None:
    async with client(HandshakeApp()) as http:
        response = await http.get(f"/handshake/{folder}/{part}")
    assert (response.status_code, response.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    "digest", ["", "x", "0123456789ABCDEF", f"{FOREIGN}0", f"{FOREIGN}%0a", "%2e%2e", "%00", "client"]
)
@pytest.mark.parametrize("part", ["client.js", "client/rows.js"])
async def test_nothing_is_served_below_what_is_no_digest(digest: str, part: str) -> None:
    async with client(HandshakeApp()) as http:
        response = await http.get(f"/handshake/modules/{digest}/{part}")
    assert (response.status_code, response.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("prefix", ["/handshake", "/deep/er"])
async def test_every_import_leads_to_a_module_wherever_the_protocol_is_mounted(prefix: str) -> None:
    host = Starlette()
    HandshakeApp().mount_on(host, prefix=prefix)
    transport = httpx.ASGITransport(host, root_path="/shop")
    async with httpx.AsyncClient(transport=transport, base_url="http://host/shop/") as http:
        pending = {f"/shop{prefix}/{name}.js" for name in MODULES} | {f"/shop{prefix}/client/copy_button.js"}
        seen = set[str]()
        while pending:
            path = pending.pop()
            response = await http.get(path.removeprefix("/shop/"))
            assert response.status_code == 200, path
            seen.add(path)
            pending |= {httpx.URL("http://host" + path).join(name).path for name in IMPORT.findall(response.text)}
            pending -= seen
    kept = f"/shop{prefix}/modules/{page_sources.digest()}/"
    assert len([path for path in seen if path.startswith(kept)]) == len(seen) - len(MODULES) - 1 > len(MODULES)


async def test_a_page_of_an_allowed_origin_may_import_a_module() -> None:
    origin = "https://app.example.com"
    async with client(HandshakeApp(allowed_origins=[origin])) as http:
        told = await http.get(f"/handshake/{OWN}", headers={"Origin": origin})
        same = await http.get(f"/handshake/{OWN}")
    assert told.headers["access-control-allow-origin"] == origin
    assert "Origin" in told.headers["vary"].split(", ")
    assert "Origin" in same.headers["vary"].split(", ")
