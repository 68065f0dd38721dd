"""SPEC.md section 4: a one-time code, exchanged once for the prompt."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.conformance.conftest import FORM, Open, Start
from tests.support.peer import Peer

PICKUP = {**FORM, "pickup": True}
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


async def fetched(peer: Peer, url: str | None = None, method: str = "GET", **headers: str) -> httpx.Response:
    """Send a request as a client that has nothing but the address."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return await peer.http.request(method, url or peer.created["pickup"]["url"], headers=names)


def token_of(prompt: str) -> str:
    found = re.search(r"^- token: (\S+)$", prompt, re.MULTILINE)
    assert found, prompt
    return found[1]


async def reads(peer: Peer, token: str) -> int:
    """Return the status of a context that is asked for with a token."""
    return (await peer.send("GET", "context", headers={"X-Handshake-Token": token})).status_code


async def new_code(peer: Peer) -> dict[str, Any]:
    reply = await peer.user("POST", "pickup", {})
    assert reply.status_code == 200, reply.text
    offer: dict[str, Any] = reply.json()["pickup"]
    return offer


async def test_hpp_320_a_code_and_an_address_are_given_that_do_not_name_the_session(pair: Open) -> None:
    peers = [await pair(PICKUP) for _ in range(8)]
    offers = [peer.created["pickup"] for peer in peers] + [await new_code(peer) for peer in peers]
    letters = [offer["code"].replace("-", "") for offer in offers]
    assert len(set(letters)) == 16
    assert all(len(code) >= 12 and set(code) <= set(ALPHABET) for code in letters)
    assert len(set("".join(letters))) > 20
    for peer, offer in zip(peers * 2, offers, strict=True):
        assert urlsplit(offer["url"]).path.endswith(f"/pickup/{offer['code']}")
        assert peer.session_id not in offer["url"]
        assert 0 < offer["expiresIn"] <= 600
        assert offer["expiresAt"] > "2026"


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_hpp_321_the_address_gives_a_prompt_with_the_only_token(pair: Open, method: str) -> None:
    peer = await pair(PICKUP)
    reply = await fetched(peer, method=method)
    assert (reply.status_code, reply.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert f"- sessionId: {peer.session_id}\n" in reply.text
    assert await reads(peer, token_of(reply.text)) == 200
    assert await reads(peer, peer.token) == 403


async def test_hpp_322_of_64_clients_one_is_given_the_prompt(pair: Open) -> None:
    peer = await pair(PICKUP)
    replies = await asyncio.gather(*(fetched(peer, method="POST" if n % 2 else "GET") for n in range(64)))
    assert Counter(reply.status_code for reply in replies) == {200: 1, 409: 63}
    assert {reply.json()["code"] for reply in replies if reply.status_code == 409} == {"pickup_taken"}


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_hpp_323_the_same_client_is_given_the_same_token_again(pair: Open, method: str) -> None:
    peer = await pair(PICKUP)
    url = peer.created["pickup"]["url"]
    again = [fetched(peer, method=method, Idempotency_Key="a client's own") for _ in range(3)]
    assert {reply.json()["code"] for reply in await asyncio.gather(*again)} == {"invalid_idempotency_key"}
    mine = [fetched(peer, method=method, Idempotency_Key="0f3c9a") for _ in range(8)]
    tokens = {token_of(reply.text) for reply in await asyncio.gather(*mine)}
    assert len(tokens) == 1
    assert token_of((await fetched(peer, f"{url}/0f3c9a", method)).text) in tokens
    assert (await fetched(peer, method=method, Idempotency_Key="another")).status_code == 409
    assert (await fetched(peer, method=method)).status_code == 409


async def test_hpp_324_the_person_is_told_of_the_exchange_and_of_every_other_try(pair: Open) -> None:
    peer = await pair(PICKUP)
    async with peer.watch() as page:
        assert (await page.next("connected"))["snapshot"]["pickup"]["taken"] is False
        await fetched(peer, X_Agent_Name="Claude")
        await asyncio.gather(*(fetched(peer) for _ in range(20)))
        assert (await page.next("pickedUp"))["name"] == "Claude"
        refused = [await page.next("pickupRefused") for _ in range(20)]
    assert [frame["times"] for frame in refused] == list(range(1, 21))
    told = (await peer.context(role="user"))["pickup"]
    assert (told["taken"], told["refused"], told["name"]) == (True, 20, "Claude")


BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8"
PREVIEWS: dict[str, tuple[str, dict[str, str]]] = {
    "head": ("HEAD", {}),
    "prefetch": ("GET", {"Purpose": "prefetch"}),
    "prerender": ("GET", {"Sec_Purpose": "prefetch;prerender"}),
    "browser": ("GET", {"Accept": BROWSER}),
    "previewer": ("GET", {"User_Agent": "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"}),
}


async def test_hpp_325_a_preview_leaves_the_code_as_it_is_and_names_an_address_that_does_not(pair: Open) -> None:
    peer = await pair(PICKUP)
    pages = [await fetched(peer, method=method, **headers) for method, headers in PREVIEWS.values()]
    assert {page.status_code for page in pages} == {200}
    assert not any("token" in page.text for page in pages)
    address = re.findall(r"<code>(http\S+)</code>", pages[-1].text)[0]
    first, again = await fetched(peer, address), await fetched(peer, address)
    assert token_of(first.text) == token_of(again.text)
    assert {(await fetched(peer, method=method, **headers)).status_code for method, headers in PREVIEWS.values()} == {
        409
    }


async def test_hpp_326_a_code_is_read_as_people_write_it(pair: Open) -> None:
    for write in (
        str.lower,
        lambda code: code.replace("-", ""),
        lambda code: code.replace("-", "%20"),
        lambda code: code.replace("1", "I").replace("0", "O"),
        lambda code: code.lower().replace("1", "l").replace("0", "o").replace("-", "_"),
    ):
        peer = await pair(PICKUP)
        base, _, code = peer.created["pickup"]["url"].rpartition("/")
        assert (await fetched(peer, f"{base}/{write(code)}")).status_code == 200


async def test_hpp_327_a_code_that_is_not_the_sessions_any_more_leads_nowhere(pair: Open) -> None:
    replaced, rotated, revoked, taken, wrong = [await pair(PICKUP) for _ in range(5)]
    await new_code(replaced)
    await rotated.user("POST", "rotate", {})
    await revoked.user("DELETE", "session")
    await fetched(taken)
    await taken.user("POST", "rotate", {})
    base, _, code = wrong.created["pickup"]["url"].rpartition("/")
    urls = [
        f"{base}/{code[:-1]}{'A' if code[-1] != 'A' else 'B'}",
        f"{base}/{code}A",
        f"{base}/%00",
        f"{base}/{'é' * 20}",
    ]
    replies = [await fetched(peer) for peer in (replaced, rotated, revoked, taken)]
    replies += [await fetched(wrong, url) for url in urls]
    assert {(reply.status_code, reply.json()["code"]) for reply in replies} == {(404, "pickup_not_found")}
    assert (await fetched(wrong)).status_code == 200


async def test_hpp_328_guesses_are_limited_and_lock_nobody_out(local: Start) -> None:
    server = await local(limits={"wrong_codes_per_address": 20})
    peer = await server.open(PICKUP)
    base = peer.created["pickup"]["url"].rpartition("/")[0]
    guesses = [await fetched(peer, f"{base}/{n:012d}") for n in range(40)]
    assert [reply.status_code for reply in guesses] == [404] * 20 + [429] * 20
    assert guesses[-1].json()["code"] == "too_many_attempts"
    assert int(guesses[-1].headers["retry-after"]) > 0
    assert (await fetched(peer)).status_code == 200


async def test_hpp_329_no_cache_keeps_an_answer_and_no_referrer_names_the_address(pair: Open) -> None:
    peer = await pair(PICKUP)
    replies = [await fetched(peer, Accept=BROWSER), await fetched(peer), await fetched(peer)]
    replies.append(await fetched(peer, Accept=BROWSER))
    assert [reply.status_code for reply in replies] == [200, 200, 409, 409]
    assert {(reply.headers["cache-control"], reply.headers["referrer-policy"]) for reply in replies} == {
        ("no-store", "no-referrer")
    }


async def test_hpp_330_once_the_time_of_a_code_is_over_it_leads_nowhere(local: Start) -> None:
    server = await local(limits={"pickup_seconds": 0.2})
    peer = await server.open(PICKUP)
    await asyncio.sleep(0.25)
    reply = await fetched(peer)
    assert (reply.status_code, reply.json()["code"]) == (404, "pickup_not_found")
    assert await reads(peer, peer.token) == 200


async def test_hpp_331_the_prompt_names_an_address_that_gives_it_again_without_headers(pair: Open) -> None:
    peer = await pair(PICKUP)
    first = (await fetched(peer)).text
    address = re.findall(rf"`({re.escape(peer.created['pickup']['url'])}/[^`]+)`", first)[0]
    await peer.edit("city", "Aarhus")
    again = (await peer.http.get(address)).text
    assert token_of(again) == token_of(first)
    assert ("Aarhus" in first, "Aarhus" in again) == (False, True)
