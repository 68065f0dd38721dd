"""`/pickup/{code}` over HTTP: who is given the prompt at once, who a page, and in which form."""

from __future__ import annotations

import re
from typing import Any

import pytest

from handshake_prompt import HandshakeApp, parse_prompt
from tests.conftest import FORM
from tests.support.in_process import client, open_in_process
from tests.support.peer import Peer

CHROME = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
AT_ONCE: dict[str, dict[str, str]] = {
    "curl": {"User-Agent": "curl/8.5.0", "Accept": "*/*"},
    "nothing said": {"Accept": ""},
    "an agent's fetch": {"Accept": "text/markdown, text/html, */*"},
    "plain": {"Accept": "text/plain"},
    "plain before HTML": {"Accept": "text/plain, text/html;q=0.9"},
    "JSON": {"Accept": "application/json"},
    "no HTML": {"Accept": "text/html;q=0, */*"},
    "an agent": {"User-Agent": "Claude-User/1.0"},
    "an agent of an operator of bots": {"User-Agent": "compatible; ChatGPT-User/1.0; +https://openai.com/bot"},
}
PREVIEWS: dict[str, dict[str, str]] = {
    "browser": {"Accept": CHROME, "Sec-Fetch-Mode": "navigate"},
    "prefetch": {"Sec-Purpose": "prefetch"},
    "older prefetch": {"Purpose": "prefetch"},
    "preview": {"X-Purpose": "preview"},
    "image of a page": {"Sec-Fetch-Dest": "image", "Accept": "image/avif,*/*;q=0.8"},
    "frame of a page": {"Sec-Fetch-Dest": "iframe"},
    "older Firefox": {"X-Moz": "prefetch"},
    "slack": {"User-Agent": "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"},
    "facebook": {"User-Agent": "facebookexternalhit/1.1"},
    "whatsapp": {"User-Agent": "WhatsApp/2.23.20.0"},
    "discord": {"User-Agent": "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)"},
    "teams": {"User-Agent": "Mozilla/5.0 SkypeUriPreview Preview/0.5"},
}


async def opened(**options: Any) -> Peer:
    return await open_in_process(HandshakeApp(**options), {**FORM, "pickup": True})


def url_of(peer: Peer) -> str:
    return str(peer.created["pickup"]["url"])


@pytest.mark.parametrize("headers", AT_ONCE.values(), ids=AT_ONCE.keys())
async def test_what_asks_for_text_or_for_anything_is_given_the_prompt(headers: dict[str, str]) -> None:
    peer = await opened()
    reply = await peer.http.get(url_of(peer), headers=headers)
    assert parse_prompt(reply.text).session_id == peer.session_id
    kind = "text/markdown" if "markdown" in headers.get("Accept", "") else "text/plain"
    assert reply.headers["content-type"] == f"{kind}; charset=utf-8"


@pytest.mark.parametrize("headers", PREVIEWS.values(), ids=PREVIEWS.keys())
async def test_what_may_be_a_preview_is_given_a_page_whose_button_makes_the_exchange(headers: dict[str, str]) -> None:
    peer = await opened()
    page = await peer.http.get(url_of(peer), headers=headers)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "token" not in page.text
    assert not re.search(r"<(a|script|style|link|img)\b|\son\w+=|style=", page.text)
    assert (await peer.context(role="user"))["pickup"]["taken"] is False
    (action,) = re.findall(r'<form method="post" action="([^"]+)">', page.text)
    text = await peer.http.post(action, headers={"Accept": CHROME, "Content-Type": "application/x-www-form-urlencoded"})
    assert text.status_code == 200
    assert f"- sessionId: {peer.session_id}" in text.text
    reloaded = await peer.http.post(action)
    assert parse_prompt(reloaded.text).session_id == peer.session_id
    assert (await peer.context(role="user"))["pickup"]["refused"] == 0


async def test_two_previews_name_addresses_of_two_clients() -> None:
    peer = await opened()
    pages = [await peer.http.get(url_of(peer), headers={"Accept": CHROME}) for _ in range(2)]
    first, second = (re.findall(r"<code>([^<]+)</code>", page.text)[0] for page in pages)
    assert (await peer.http.get(first)).status_code == 200
    assert (await peer.http.get(second)).status_code == 409


async def test_a_prefetch_of_the_other_address_leaves_the_code_open_too() -> None:
    peer = await opened()
    for headers in ({"Purpose": "prefetch"}, {"Sec-Purpose": "prefetch;prerender"}):
        assert "token" not in (await peer.http.get(f"{url_of(peer)}/key", headers=headers)).text
    assert (await peer.http.head(f"{url_of(peer)}/key")).status_code == 200
    assert (await peer.http.get(f"{url_of(peer)}/key", headers={"Accept": CHROME})).status_code == 200
    assert (await peer.context(role="user"))["pickup"]["taken"] is True


async def test_a_person_is_told_of_a_refusal_by_a_page_and_a_program_by_a_problem() -> None:
    peer = await opened()
    await peer.http.get(url_of(peer))
    for url, status in ((url_of(peer), 409), (f"{url_of(peer)}0", 404)):
        page = await peer.http.post(url, headers={"Accept": CHROME})
        assert (page.status_code, page.headers["content-type"]) == (status, "text/html; charset=utf-8")
        assert "<h1>" in page.text
        problem = await peer.http.post(url)
        assert (problem.status_code, problem.headers["content-type"]) == (status, "application/problem+json")


async def test_a_page_is_in_the_language_of_the_prompt_and_a_hostile_prompt_stays_text() -> None:
    def build(*_: Any, **__: Any) -> str:
        return "</textarea><script>alert(1)</script>"

    peer = await open_in_process(HandshakeApp(prompt=build), {**FORM, "pickup": {"language": "zh"}})
    page = await peer.http.get(url_of(peer), headers={"Accept": CHROME})
    assert '<html lang="zh">' in page.text
    shown = await peer.http.post(url_of(peer), headers={"Accept": CHROME})
    assert re.findall("<script[^>]*>", shown.text) == ['<script type="module" src="/handshake/client/copy_button.js">']
    assert "&lt;/textarea&gt;" in shown.text


HOSTILE = [
    "%00",
    "%0a",
    "a%0ab",
    "..%2f..%2fetc",
    "é" * 40,
    "%F0%9F%98%80" * 20,
    "%ED%A0%80",
    "A" * 5000,
    "%25" * 500,
    "7K3M-Q2VX-9HTD%00",
    "{}{0}%s",
    "<script>",
    "*",
    "%20",
    ".",
]


@pytest.mark.parametrize("code", HOSTILE)
async def test_no_code_is_too_strange_to_be_refused(code: str) -> None:
    peer = await opened()
    base = url_of(peer).rpartition("/")[0]
    for path in (code, f"{code}/key", f"{code}/%00", f"x/{code}"):
        for method in ("GET", "POST", "HEAD"):
            reply = await peer.http.request(method, f"{base}/{path}", headers={"Accept": CHROME})
            assert reply.status_code in (400, 404, 429), path
            assert "<script>" not in reply.text
    assert (await peer.http.get(url_of(peer))).status_code == 200


@pytest.mark.parametrize("key", ["", "a b", "ü", "x" * 256, "\x7f"])
async def test_a_key_that_is_none_is_refused_and_the_code_left(key: str) -> None:
    peer = await opened()
    reply = await peer.http.post(url_of(peer), headers=[(b"Idempotency-Key", key.encode("latin-1"))])
    expected = (200, None) if not key else (400, "invalid_idempotency_key")
    assert (reply.status_code, reply.json()["code"] if key else None) == expected
    assert (await peer.context(role="user"))["pickup"]["taken"] is (not key)


@pytest.mark.parametrize("key", ["a/b", "..", "%2e%2e", "q?x#y", 'a"b'])
async def test_a_key_that_is_none_for_a_path_is_in_no_address_of_the_prompt(key: str) -> None:
    peer = await opened()
    text = (await peer.http.post(url_of(peer), headers={"Idempotency-Key": key})).text
    assert f"`{url_of(peer)}`" in text
    assert key not in text.replace("...", "")


async def test_the_prompt_names_the_address_that_gives_it_anew_with_the_form_as_it_is_then() -> None:
    peer = await opened()
    text = (await peer.http.get(url_of(peer))).text
    (again,) = re.findall(rf"`({re.escape(url_of(peer))}/[^`]+)`", text)
    await peer.edit("name", "Grace Hopper")
    anew = (await peer.http.get(again)).text
    assert parse_prompt(anew).token == parse_prompt(text).token
    assert ("Grace Hopper" in text, "Grace Hopper" in anew) == (False, True)
    assert (await peer.context(role="user"))["pickup"]["refused"] == 0


@pytest.mark.parametrize(
    ("options", "headers", "expected"),
    [
        ({}, {"Host": "other.example"}, "http://other.example/handshake/pickup/"),
        ({"public_url": "https://example.com"}, {"Host": "other.example"}, "https://example.com/handshake/pickup/"),
    ],
)
async def test_an_address_is_below_the_public_url_or_else_that_of_the_request(
    options: dict[str, Any], headers: dict[str, str], expected: str
) -> None:
    http = client(HandshakeApp(**options))
    created = (await http.post("/handshake/session", json={"pickup": True}, headers=headers)).json()
    assert created["pickup"]["url"] == expected + created["pickup"]["code"]


async def test_an_address_that_can_stand_in_no_prompt_is_refused_before_the_code_is_used() -> None:
    peer = await opened()
    path = url_of(peer).removeprefix("http://localhost")
    for method in ("GET", "HEAD"):
        assert (await peer.http.request(method, path, headers={"Host": "ex'ample"})).status_code == 400
    created = await peer.http.post("/handshake/session", json={"pickup": True}, headers={"Host": "ex'ample"})
    assert (created.status_code, created.json()["code"]) == (400, "no_base_url")
    assert (await peer.http.get(url_of(peer))).status_code == 200


async def test_a_foreign_page_cannot_open_a_code_for_the_person() -> None:
    peer = await opened()
    reply = await peer.user("POST", "pickup", {}, headers={"Origin": "https://evil.example"})
    assert (reply.status_code, reply.json()["code"]) == (403, "origin_not_allowed")
    assert (await peer.http.get(url_of(peer))).status_code == 200
