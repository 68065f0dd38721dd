"""Questions to the person: waited for through whatever lies between, and silence told apart from a no."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from handshake_prompt.client import (
    Answer,
    HandshakeAgent,
    LocalSetupError,
    RateLimitedError,
    RefusedError,
    RequestEnded,
    ServerUnavailableError,
    SessionEndedError,
)
from handshake_prompt.client.backoff import Backoff
from tests.conftest import Open
from tests.support.agents import CONTEXT, agent_against, agent_of, problem, replying
from tests.support.between import line_to
from tests.support.peer import PATIENCE, Peer
from tests.support.virtual_session import Server, frame, hello, once, streaming
from tests.support.virtual_time import in_virtual_time, loop_time


async def asked(peer: Peer, count: int = 1) -> list[dict[str, Any]]:
    """Return what the person is asked, once it is that much."""
    requests: list[dict[str, Any]] = []
    async with asyncio.timeout(PATIENCE):
        while len(requests) < count:
            await asyncio.sleep(0.01)
            requests = (await peer.context(role="user")).get("requests", [])
    return requests


# On a real server


async def test_a_question_is_answered_yes_or_no(pair: Open) -> None:
    peer = await pair()
    async with agent_of(peer) as agent:
        for decision in ("accept", "decline"):
            asking = asyncio.create_task(agent.ask("May I?"))
            (request,) = await asked(peer)
            assert request["text"] == "May I?"
            await peer.decide(request, decision)
            answer = await asking
            assert bool(answer) is answer.accepted is (decision == "accept")
            assert answer.declined is (decision == "decline")
            assert not answer.is_silence
            assert not answer.values


async def test_a_question_is_answered_in_fields(pair: Open) -> None:
    peer = await pair()
    async with agent_of(peer) as agent:
        asking = asyncio.create_task(agent.ask("How many?", fields=[{"key": "n", "type": "integer"}]))
        await peer.decide((await asked(peer))[0], n=3)
        answer = await asking
    assert (answer.status, answer.values) == ("answered", {"n": 3})


async def test_a_secret_goes_into_its_field_and_the_agent_learns_that_it_is_filled(pair: Open) -> None:
    peer = await pair()
    async with agent_of(peer) as agent:
        asking = asyncio.create_task(agent.ask("Your account?", key="iban"))
        await peer.decide((await asked(peer))[0], iban="DE89370400440532013000")
        answer = await asking
    assert (answer.accepted, answer.filled, dict(answer.values)) == (True, True, {})
    assert (await peer.context(role="user"))["context"]["iban"]["by"] == "user"


async def test_time_that_runs_out_is_silence_and_no_refusal(pair: Open) -> None:
    peer = await pair()
    async with agent_of(peer) as agent:
        answer = await agent.ask("May I?", expires_in=1)
    assert (answer.status, bool(answer), answer.declined, answer.is_silence) == ("expired", False, False, True)


async def test_each_of_several_questions_gets_its_own_answer(pair: Open) -> None:
    peer = await pair()
    async with agent_of(peer) as agent:
        first, second = (asyncio.create_task(agent.ask(text)) for text in ("First?", "Second?"))
        for request in await asked(peer, 2):
            await peer.decide(request, "accept" if request["text"] == "Second?" else "decline")
        assert ((await first).status, (await second).status) == ("declined", "answered")


async def test_a_question_that_was_given_up_is_waited_for_anew_by_another_process(pair: Open) -> None:
    peer = await pair()
    async with agent_of(peer) as agent:
        opened = await agent.open_question("May I?")
        assert (opened["status"], opened["attended"]) == ("open", False)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await agent.answer(opened)
    await peer.decide(opened)
    async with agent_of(peer) as another:
        assert await another.answer({name: opened[name] for name in ("id", "status", "cursor", "expiresIn")})


async def test_a_question_can_be_taken_back(pair: Open) -> None:
    peer = await pair()
    async with agent_of(peer) as agent:
        opened = await agent.open_question("May I?")
        assert (await agent.withdraw(opened["id"]))["status"] == "withdrawn"
        answer = await agent.answer(opened)
        assert (answer.status, answer.is_silence) == ("withdrawn", True)
        with pytest.raises(RefusedError) as caught:
            await agent.withdraw("no/such")
    assert caught.value.code in ("request_not_found", "not_found")


async def test_an_answer_comes_through_a_line_that_breaks(pair: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    peer = await pair()
    monkeypatch.setattr(Backoff, "next_pause", lambda _, at_least=None: at_least or 0.0)
    lengths = itertools.chain([2000] * 5, itertools.repeat(10**9))
    async with line_to(peer.base_url, lengths) as line, agent_of(peer, base_url=line.url) as agent:
        asking = asyncio.create_task(agent.ask("May I?"))
        (request,) = await asked(peer)
        async with asyncio.timeout(PATIENCE):
            while line.cuts < 3:
                await peer.edit("name", "Ada")
                await asyncio.sleep(0.01)
        await peer.decide(request)
        assert await asking


async def test_a_session_that_ends_gives_no_answer(pair: Open) -> None:
    peer = await pair()
    async with agent_of(peer) as agent:
        asking = asyncio.create_task(agent.ask("May I?"))
        await asked(peer)
        await peer.user("DELETE", "session")
        with pytest.raises(SessionEndedError):
            await asking


async def test_too_many_questions_are_told_as_that(pair: Open) -> None:
    peer = await pair()
    async with agent_of(peer, timeout=1) as agent:
        for _ in range(16):
            await agent.open_question("May I?")
        with pytest.raises(RateLimitedError):
            await agent.open_question("May I?")


async def test_whoever_follows_the_changes_sees_requests_end(pair: Open) -> None:
    peer = await pair()
    async with agent_of(peer) as agent:
        opened = await agent.open_question("How many?", fields=[{"key": "n", "type": "integer"}])
        changes = agent.changes(opened["cursor"])
        await peer.decide(opened, n=3)
        ended = await anext(changes)
    assert isinstance(ended, RequestEnded)
    assert (ended.id, ended.kind, ended.status, ended.values) == (opened["id"], "ask", "answered", {"n": 3})
    assert ended.by_person


@pytest.mark.parametrize(("decision", "by"), [("accept", "user"), ("decline", "user")])
async def test_a_suggestion_is_accepted_or_dismissed(decision: str, by: str, pair: Open) -> None:
    peer = await pair()
    await peer.edit("name", "Grace")
    async with agent_of(peer) as agent:
        changes = agent.changes((await agent.get_context())["cursor"])
        (result,) = (await agent.suggest("name", "Ada", reason="passport"))["results"]
        (shown,) = await asked(peer)
        await peer.decide(shown, decision)
        ended = await anext(one async for one in changes if isinstance(one, RequestEnded))
    assert (ended.id, ended.kind) == (result["request"], "suggest")
    assert ended.status == ("answered" if decision == "accept" else "declined")
    record = (await peer.context())["context"]["name"]
    assert (record["value"], record["by"]) == ("Ada" if decision == "accept" else "Grace", by)


# On servers that only exist here

OPENED = {"ok": True, "id": "e.1", "status": "open", "attended": True, "expiresIn": 60, "digest": "d", "cursor": "e.1"}


def request(status: str, **members: Any) -> dict[str, Any]:
    return {"id": "e.1", "kind": "ask", "text": "May I?", "status": status, **members}


class Asking(Server):
    """A session in which a question is open; `requests` are those that its context and its diffs tell of."""

    def __init__(self, stream: Callable[[Server, int], httpx.Response] | None = None, **context: Any) -> None:
        super().__init__(stream, edits=0)
        self.context = CONTEXT | context
        self.diffs: list[dict[str, Any]] = []

    async def __call__(self, asked: httpx.Request) -> httpx.Response:
        name = asked.url.path.split("/")[2]
        if name == "ask":
            return replying(OPENED)
        if name == "context":
            self.asked.append((name, loop_time()))
            return replying(self.context)
        if name == "diff" and self.diffs:
            return replying({"changes": [], "cursor": "e.9", **self.diffs.pop(0)})
        return await super().__call__(asked)


def cut_off(snapshot: dict[str, Any]) -> Callable[[Server, int], httpx.Response]:
    told = frame("connected", "e.8", recovered=False, snapshot=snapshot)
    return lambda *_: streaming(once(told))


def silent(*_: Any) -> httpx.Response:
    return streaming(once(hello(1)))


@in_virtual_time
async def test_an_answer_given_while_changes_were_missed_is_in_what_stands_for_them() -> None:
    snapshot = CONTEXT | {"requests": [request("answered", answer={"values": {"n": 3}})]}
    async with agent_against(Asking(cut_off(snapshot))) as agent:
        assert await agent.ask("How many?") == Answer("e.1", "answered", {"n": 3})


@in_virtual_time
async def test_an_answer_that_an_earlier_reader_was_told_is_not_made_up() -> None:
    async with agent_against(Asking(cut_off(CONTEXT))) as agent:
        with pytest.raises(RefusedError) as caught:
            await agent.ask("May I?")
    assert caught.value.code == "answer_gone"


@in_virtual_time
async def test_where_there_is_no_stream_answers_are_polled() -> None:
    server = Asking()
    server.diffs = [{"requests": [request("open")]}, {"requests": [request("declined")]}]
    async with agent_against(server) as agent:
        assert await agent.ask("May I?") == Answer("e.1", "declined")


@in_virtual_time
async def test_silence_of_the_line_past_the_time_is_looked_into() -> None:
    began = loop_time()
    async with agent_against(Asking(silent, requests=[request("expired")])) as agent:
        answer = await agent.ask("May I?")
    assert (answer.status, round(loop_time() - began)) == ("expired", 65)


@in_virtual_time
async def test_a_question_that_is_still_open_then_is_waited_for_further() -> None:
    server = Asking(silent, requests=[request("open")])
    async with agent_against(server) as agent:
        asking = asyncio.create_task(agent.ask("May I?"))
        await asyncio.sleep(100)
        server.context["requests"] = [request("answered")]
        assert await asking
    assert server.count("context") == 3


@in_virtual_time
async def test_a_server_that_is_away_past_the_time_is_told_as_that_and_not_as_silence() -> None:
    async def answer(asked: httpx.Request) -> httpx.Response:
        return replying(OPENED) if "/ask/" in asked.url.path else problem(503, "store_unavailable", retryable=True)

    async with agent_against(answer) as agent:
        with pytest.raises(ServerUnavailableError):
            await agent.ask("May I?")


@in_virtual_time
async def test_an_agent_that_is_closed_waits_no_longer() -> None:
    async with agent_against(Asking(silent)) as agent:
        asking = asyncio.create_task(agent.ask("May I?"))
        await asyncio.sleep(1)
        await agent.aclose()
        with pytest.raises(LocalSetupError):
            await asking


@pytest.mark.parametrize(
    "refusal",
    [
        pytest.param(lambda: problem(404, "not_found"), id="1.0"),
        pytest.param(lambda: httpx.Response(404, json={"detail": "Not Found"}), id="0.2"),
        pytest.param(lambda: httpx.Response(405), id="405"),
    ],
)
async def test_a_server_without_questions_is_named_as_that(refusal: Callable[[], httpx.Response]) -> None:
    async def answer(_: httpx.Request) -> httpx.Response:
        return refusal()

    async with agent_against(answer) as agent:
        with pytest.raises(RefusedError, match="too old") as caught:
            await agent.ask("May I?")
    assert (caught.value.code, caught.value.next_steps) == ("unsupported", ("Ask the person in the chat.",))


async def test_a_question_that_is_refused_is_told_in_the_server_s_words() -> None:
    async def answer(_: httpx.Request) -> httpx.Response:
        return problem(400, "invalid_schema")

    async with agent_against(answer) as agent:
        with pytest.raises(RefusedError) as caught:
            await agent.ask("May I?", fields=[{"key": "n", "type": "rows"}])
    assert (caught.value.code, caught.value.from_server) == ("invalid_schema", True)


async def test_a_lost_reply_is_no_second_question() -> None:
    keys: list[str] = []

    async def answer(asked: httpx.Request) -> httpx.Response:
        keys.append(asked.headers["idempotency-key"])
        if len(keys) == 1:
            raise httpx.ReadError("reset")
        return replying(OPENED)

    async with agent_against(answer) as agent:
        assert await agent.open_question("May I?") == OPENED
    assert len(keys) == 2
    assert len(set(keys)) == 1


SUGGEST: dict[str, Callable[[HandshakeAgent], Any]] = {
    "plain": lambda agent: agent.suggest("name", "Ada"),
    "with reasons": lambda agent: agent.suggest("name", "Ada", reason="passport", source="scan.pdf", confidence=0.9),
}


@pytest.mark.parametrize("name", SUGGEST)
async def test_a_suggestion_is_one_action(name: str) -> None:
    bodies: list[Any] = []

    async def answer(asked: httpx.Request) -> httpx.Response:
        bodies.append(httpx.Response(200, content=asked.content).json()["actions"])
        return replying({"applied": ["name"], "rejected": [], "errors": [], "results": results})

    results = [{"key": "name", "status": "suggested", "request": "e.4"}]
    async with agent_against(answer) as agent:
        assert (await SUGGEST[name](agent))["results"] == results
    about = {"reason": "passport", "source": "scan.pdf", "confidence": 0.9} if name == "with reasons" else {}
    assert bodies == [[{"type": "suggest", "key": "name", "value": "Ada", **about}]]


async def test_a_server_without_suggestions_is_named_as_that() -> None:
    async def answer(_: httpx.Request) -> httpx.Response:
        refused = {"key": "name", "status": "error", "code": "unsupported_action", "msg": "No such action"}
        return replying({"applied": [], "rejected": [], "errors": [refused], "results": [refused]})

    async with agent_against(answer) as agent:
        with pytest.raises(RefusedError, match="too old"):
            await agent.suggest("name", "Ada")
