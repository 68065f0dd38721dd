"""An agent that was given a one-time code, and no prompt."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from handshake_prompt import HandshakeApp, parse_prompt
from handshake_prompt.client import (
    BadReplyError,
    HandshakeAgent,
    InsecureAddressError,
    PromptError,
    RefusedError,
    pick_up,
)
from tests.conftest import FORM, Open
from tests.support.peer import open_session

PICKUP = {**FORM, "pickup": True}


async def test_an_agent_picks_a_session_up_by_an_address_and_works_on_it(pair: Open) -> None:
    peer = await pair(body=PICKUP)
    message = f"Please fill this in: {peer.created['pickup']['url']}. Thanks!"
    async with await HandshakeAgent.from_pickup(message, name="Phone") as agent:
        assert (await agent.action({"name": "Ada"}))["applied"] == ["name"]
    told = (await peer.context(role="user"))["pickup"]
    assert (told["taken"], told["name"], told["refused"]) == (True, "Phone", 0)


async def test_a_prompt_is_picked_up_once(pair: Open) -> None:
    peer = await pair(body=PICKUP)
    url = peer.created["pickup"]["url"]
    assert parse_prompt(await pick_up(url)).session_id == peer.session_id
    with pytest.raises(RefusedError) as refused:
        await pick_up(url)
    assert (refused.value.code, refused.value.status) == ("pickup_taken", 409)
    assert peer.created["pickup"]["code"] not in f"{refused.value} {refused.value.next_steps}"


async def test_an_address_with_a_key_is_picked_up_again_and_again(pair: Open) -> None:
    peer = await pair(body=PICKUP)
    url = f"{peer.created['pickup']['url']}/q1W2e3"
    first, again = [parse_prompt(await pick_up(url)) for _ in range(2)]
    assert first.token == again.token


async def test_a_code_that_leads_nowhere_is_no_ended_session(pair: Open) -> None:
    peer = await pair(body=PICKUP)
    base = peer.created["pickup"]["url"].rpartition("/")[0]
    with pytest.raises(RefusedError) as refused:
        await pick_up(f"{base}/0000-0000-0000")
    assert refused.value.code == "pickup_not_found"


async def test_a_reply_that_is_lost_is_asked_for_again_as_the_same_exchange(
    serve: Callable[..., Awaitable[str]],
) -> None:
    host = Starlette()
    lost: list[str] = []
    hpp = HandshakeApp()
    hpp.mount_on(host)

    async def losing(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and "/pickup/" in scope["path"] and not lost:
            lost.append(scope["path"])

            async def swallow(_: Any) -> None:
                await asyncio.sleep(0)

            await host(scope, receive, swallow)
            await send({"type": "http.response.start", "status": 502, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        await host(scope, receive, send)

    peer = await open_session(await serve(losing), PICKUP)
    prompt = await pick_up(peer.created["pickup"]["url"])
    assert lost
    assert (
        await peer.send("GET", "context", headers={"X-Handshake-Token": parse_prompt(prompt).token})
    ).status_code == 200
    assert (await peer.context(role="user"))["pickup"]["refused"] == 0
    await peer.http.aclose()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "7K3M-Q2VX-9HTD",
        "https://example.com/handshake/context/7K3M-Q2VX-9HTD",
        "https://user:pass@example.com/pickup/7K3M-Q2VX-9HTD",
        "https://example.com?x=/pickup/7K3M-Q2VX-9HTD",
        "https://exämple.com/pickup/7K3M-Q2VX-9HTD",
        "https://example.com:99999/pickup/7K3M-Q2VX-9HTD",
    ],
)
async def test_a_text_without_a_usable_address_is_refused_before_any_request(text: str) -> None:
    with pytest.raises(PromptError):
        await pick_up(text)


async def test_a_code_is_not_sent_in_the_clear_to_another_machine() -> None:
    with pytest.raises(InsecureAddressError):
        await pick_up("http://192.0.2.1/pickup/7K3M-Q2VX-9HTD")


async def test_a_reply_that_is_no_text_is_no_prompt(serve: Callable[..., Awaitable[str]]) -> None:
    async def answer(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"image/png")]})
        await send({"type": "http.response.body", "body": b"\x89PNG"})

    with pytest.raises(BadReplyError):
        await pick_up(f"{await serve(answer)}/pickup/7K3M-Q2VX-9HTD")
