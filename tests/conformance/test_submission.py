"""SPEC.md section 8: a form is submitted once, by the person, bound to the digest of what is shown."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

from tests.conformance.conftest import Local, Open, Start
from tests.support.peer import Peer


class Host:
    """A host's function that takes submissions."""

    def __init__(self, answer: Any = None) -> None:
        self.runs = 0
        self.answer = answer

    async def __call__(self, _: Any) -> Any:
        self.runs += 1
        await asyncio.sleep(0.02)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


async def hosted(start: Start, host: Host) -> tuple[Local, Peer]:
    server = await start(hooks={"on_submit": host})
    peer = await server.open()
    await peer.edit("name", "Ada")
    await peer.act({"age": 36})
    return server, peer


async def digest_of(peer: Peer) -> str:
    return str((await peer.context(role="user"))["digest"])


async def submit(peer: Peer, digest: str | None = None) -> httpx.Response:
    return await peer.user("POST", "submit", {"digest": digest or await digest_of(peer)})


async def test_hpp_246_the_digest_is_another_after_each_write_and_the_same_wherever_it_is_told(pair: Open) -> None:
    peer = await pair()
    told = [await digest_of(peer)]
    async with peer.watch() as page:
        assert (await page.next("connected"))["snapshot"]["digest"] == told[0]
        for name in ("A", "B", "A"):
            await peer.act({"name": name})
            told.append((await page.next("done"))["digest"])
            assert await digest_of(peer) == told[-1]
        for city in ("Ulm", "Ulm"):
            await page.send({"type": "userEdit", "key": "city", "value": city})
            told.append((await page.next("ack"))["digest"])
            assert await digest_of(peer) == told[-1] == (await peer.context())["digest"]
        told.append((await peer.edit("city", "Bonn"))["digest"])
        await peer.user("POST", "notify", {"schema": {"set": [{"key": "city", "label": "Town"}]}})
        told.append(await digest_of(peer))
    assert len(set(told)) == len(told)
    assert await digest_of(peer) == told[-1]


async def test_hpp_247_what_is_shown_is_handed_over_and_answered_with_a_receipt(local: Start) -> None:
    host = Host({"number": 7})
    _, peer = await hosted(local, host)
    digest = await digest_of(peer)
    receipt = (await submit(peer, digest)).json()
    assert receipt.keys() == {"ok", "id", "at", "digest", "authors", "result"}
    assert (receipt["ok"], receipt["digest"], receipt["result"]) == (True, digest, {"number": 7})
    assert receipt["authors"] == {"name": "user", "age": "ai"}
    assert host.runs == 1


async def test_hpp_248_what_changed_since_it_was_shown_is_not_submitted(local: Start) -> None:
    host = Host()
    _, peer = await hosted(local, host)
    shown = await digest_of(peer)
    await peer.act({"age": 37})
    for digest in (shown, "", "x" * 64):
        reply = await peer.user("POST", "submit", {"digest": digest})
        assert (reply.status_code, reply.json()["code"]) == (409, "changed")
    assert host.runs == 0
    assert (await peer.context())["context"]["age"]["value"] == 37


async def test_hpp_249_however_often_it_is_submitted_it_is_handed_over_once(local: Start) -> None:
    host = Host()
    _, peer = await hosted(local, host)
    digest = await digest_of(peer)
    replies = await asyncio.gather(*(submit(peer, digest) for _ in range(5)))
    receipts = [reply.json() for reply in [*replies, await submit(peer, digest)]]
    assert all(receipt == receipts[0] and receipt["ok"] for receipt in receipts)
    assert host.runs == 1


async def test_hpp_250_a_session_that_was_submitted_says_so_to_everyone_who_holds_it(local: Start) -> None:
    _, peer = await hosted(local, Host())
    async with peer.watch() as page, peer.watch(role="agent") as agent:
        await page.next("connected"), await agent.next("connected")
        assert (await submit(peer)).status_code == 200
        for watcher in (page, agent):
            code, frames = await watcher.closed()
            assert (code, frames[-1]["type"]) == (4410, "submitted")
    for role in (peer.agent, peer.user):
        status = (await role("GET", "session")).json()
        assert (status["status"], status["submission"]["state"]) == ("submitted", "done")
    refused = [
        await peer.agent("POST", "action", {"actions": [{"type": "set", "key": "age", "value": 1}]}),
        await peer.user("POST", "notify", {"key": "age", "value": 1}),
        await peer.agent("GET", "context"),
        await peer.agent("GET", "diff", params={"wait": "1"}),
        await peer.user("POST", "submit", {"digest": "another"}),
    ]
    assert [(reply.status_code, reply.json()["code"]) for reply in refused] == [(409, "session_submitted")] * 5
    assert (await peer.send("GET", "session")).json()["code"] == "invalid_token"


async def test_hpp_251_faults_that_the_host_finds_are_told_to_page_and_agent(local: Start) -> None:
    from handshake_prompt import FieldErrors  # noqa: PLC0415 - only where the server is one of ours

    host = Host(FieldErrors({"age": "Too young"}))
    _, peer = await hosted(local, host)
    problems = [{"keys": ["age"], "msg": "Too young"}]
    for _ in range(2):
        reply = await submit(peer)
        assert (reply.status_code, reply.json()["code"], reply.json()["problems"]) == (422, "invalid_form", problems)
    assert host.runs == 1
    for role in ("agent", "user"):
        assert (await peer.context(role=role))["problems"] == problems
    await peer.act({"age": 40})
    host.answer = None
    assert (await submit(peer)).status_code == 200


async def test_hpp_259_a_form_of_a_pages_own_is_not_submitted_while_a_required_field_is_empty(local: Start) -> None:
    host = Host()
    _, peer = await hosted(local, host)
    await peer.edit("name", "")
    reply = await submit(peer)
    assert (reply.status_code, reply.json()["code"]) == (422, "invalid_form")
    assert [one["keys"] for one in reply.json()["problems"]] == [["name"]]
    assert host.runs == 0
    await peer.edit("name", "Ada")
    assert (await submit(peer)).status_code == 200


async def test_hpp_300_faults_are_told_to_watchers_and_each_stands_until_its_field_is_written(local: Start) -> None:
    from handshake_prompt import FieldErrors  # noqa: PLC0415 - only where the server is one of ours

    host = Host(FieldErrors({"age": "Too young", "city": "Sold out", "": "Closed on Sundays"}))
    _, peer = await hosted(local, host)
    age, city, whole = (
        {"keys": ["age"], "msg": "Too young"},
        {"keys": ["city"], "msg": "Sold out"},
        {"keys": [], "msg": "Closed on Sundays"},
    )
    since = (await peer.context())["cursor"]
    async with peer.watch() as page, peer.watch(role="agent") as agent:
        await submit(peer)
        for watcher in (page, agent):
            assert (await watcher.next("problems"))["problems"] == [age, city, whole]
        diff = (await peer.agent("GET", "diff", params={"since": since})).json()
        assert diff["problems"] == [age, city, whole]
        await peer.edit("name", "Bea")
        assert (await agent.next("problems"))["problems"] == [age, city]
        assert (await peer.act({"age": 40}))["problems"] == [city]
        assert (await page.next("done"))["problems"] == [city]
        assert (await peer.edit("city", "Ulm"))["problems"] == []
        assert (await agent.next("problems"))["problems"] == []
    assert (await peer.context())["problems"] == []


async def test_hpp_252_what_nobody_can_tell_is_unknown_and_not_handed_over_again(local: Start) -> None:
    host = Host(RuntimeError("secret"))
    _, peer = await hosted(local, host)
    for _ in range(2):
        reply = await submit(peer)
        assert (reply.status_code, reply.json()["code"]) == (409, "submission_unknown")
        assert "secret" not in reply.text
        await peer.edit("name", "Bea")
    assert host.runs == 1
    assert (await peer.context())["submission"]["state"] == "unknown"


async def test_hpp_265_an_outcome_after_the_sessions_time_is_kept_and_told_again(local: Start) -> None:
    over, host = asyncio.Event(), Host({"number": 7})

    async def slow(given: Any) -> Any:
        await over.wait()
        return await host(given)

    server = await local({"max_lifetime": 2.0, "agent_requests": 1000}, hooks={"on_submit": slow})
    peer = await server.open()
    await peer.edit("name", "Ada")
    digest = await digest_of(peer)
    submitting = asyncio.create_task(submit(peer, digest))
    async with asyncio.timeout(20):
        while (await peer.agent("GET", "context")).status_code == 200:
            await asyncio.sleep(0.05)
    over.set()
    receipt = (await submitting).json()
    assert (receipt["digest"], receipt["result"]) == (digest, {"number": 7})
    assert (await submit(peer, digest)).json() == receipt
    assert (await peer.agent("GET", "session")).json()["status"] == "submitted"
    assert host.runs == 1


async def test_hpp_268_no_refusal_quotes_a_hidden_value(local: Start) -> None:
    from handshake_prompt import FieldErrors, Reject  # noqa: PLC0415 - only where the server is one of ours

    for answer in (FieldErrors({"name": "DE02 12 03 is no name"}), Reject("DE02 12 03 is blocked")):
        _, peer = await hosted(local, Host(answer))
        await peer.edit("iban", "DE02 12 03")
        assert (await submit(peer)).status_code in (403, 422)
        told = await peer.agent("GET", "context")
        assert told.json()["submission"]["state"] == "failed"
        assert "12 03" not in told.text


async def test_hpp_253_no_agent_submits(local: Start) -> None:
    host = Host()
    _, peer = await hosted(local, host)
    digest = (await peer.context())["digest"]
    reply = await peer.agent("POST", "submit", {"digest": digest})
    assert (reply.status_code, reply.json()["code"]) == (403, "user_required")
    async with peer.watch(role="agent") as agent:
        await agent.next("connected")
        await agent.send({"type": "submit", "digest": digest})
        assert (await agent.next("error"))["code"] in ("unknown_message", "user_required")
    assert host.runs == 0


async def test_hpp_254_a_host_without_a_function_for_it_says_that_it_takes_none(pair: Open) -> None:
    peer = await pair()
    reply = await submit(peer)
    assert (reply.status_code, reply.json()["code"]) == (409, "submission_unsupported")
    assert (await peer.context())["digest"] == await digest_of(peer)
