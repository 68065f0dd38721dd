"""SPEC.md section 5: requests, by which an agent proposes and the person alone decides."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import httpx

from tests.conformance.conftest import Open, Start
from tests.support.peer import PATIENCE, Peer

QUESTION = {"text": "Which of the two?", "fields": [{"key": "which", "type": "integer", "required": True}]}


async def ask(peer: Peer, **members: Any) -> dict[str, Any]:
    reply = await peer.agent("POST", "ask", QUESTION | members)
    assert reply.status_code == 200, reply.text
    asked: dict[str, Any] = reply.json()
    return asked


async def decide(
    peer: Peer, asked: dict[str, Any], decision: str = "accept", *, role: str = "user", **members: Any
) -> httpx.Response:
    url = f"{peer.base_url}{peer.created['answerUrl']}/{asked['id']}"
    body = {"decision": decision, "digest": asked["digest"]} | members
    return await peer.http.post(url, json=body, headers=peer.as_user if role == "user" else peer.as_agent)


async def answered(peer: Peer, asked: dict[str, Any], decision: str = "accept", **values: Any) -> dict[str, Any]:
    reply = await decide(peer, asked, decision, values=values)
    assert reply.status_code == 200, reply.text
    members: dict[str, Any] = reply.json()
    return members


async def requests(peer: Peer, role: str = "agent") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await peer.context(role=role)).get("requests", [])
    return found


async def test_hpp_220_a_question_is_opened_answered_with_its_id_and_told_to_every_watcher(pair: Open) -> None:
    peer = await pair()
    async with peer.watch() as page, peer.watch(role="agent") as agent:
        await page.next("connected"), await agent.next("connected")
        asked = await ask(peer, expiresIn=60)
        assert asked.keys() == {"ok", "id", "status", "attended", "expiresIn", "digest", "cursor"}
        assert (asked["status"], asked["attended"], asked["expiresIn"]) == ("open", True, 60)
        for watcher in (page, agent):
            frame = await watcher.next("asked")
            assert (frame["id"], frame["digest"], frame["cursor"]) == (asked["id"], asked["digest"], asked["cursor"])
            assert (frame["kind"], frame["text"], frame["fields"]) == ("ask", QUESTION["text"], QUESTION["fields"])


async def test_hpp_221_open_requests_are_in_context_snapshot_and_diff(pair: Open) -> None:
    peer = await pair()
    asked = await ask(peer)
    async with peer.watch() as page:
        snapshot = (await page.next("connected"))["snapshot"]
    cursor = peer.created["cursor"]
    diff = (await peer.agent("GET", "diff", params={"since": cursor})).json()
    for told in (snapshot, diff, await peer.context(role="user")):
        assert [(one["id"], one["status"], one["digest"]) for one in told["requests"]] == [
            (asked["id"], "open", asked["digest"])
        ]
    assert "requests" not in (await peer.agent("GET", "diff", params={"since": asked["cursor"]})).json()


async def test_hpp_222_no_agent_decides_a_request(pair: Open) -> None:
    peer = await pair()
    asked = await ask(peer)
    for decision in ("accept", "decline"):
        reply = await decide(peer, asked, decision, role="agent", values={"which": 1})
        assert (reply.status_code, reply.json()["code"]) == (403, "user_required")
    async with peer.watch(role="agent") as agent:
        await agent.next("connected")
        await agent.send({"type": "answer", "id": asked["id"], "decision": "accept", "digest": asked["digest"]})
        assert (await agent.next("error"))["code"] == "user_required"
    assert [one["status"] for one in await requests(peer)] == ["open"]


async def test_hpp_223_a_decision_on_something_else_than_was_shown_is_refused(pair: Open) -> None:
    peer = await pair()
    one, two = await ask(peer), await ask(peer)
    reply = await decide(peer, one, digest=two["digest"], values={"which": 1})
    assert (reply.status_code, reply.json()["code"]) == (409, "changed")
    assert [one["status"] for one in await requests(peer)] == ["open", "open"]


async def test_hpp_224_an_answer_ends_the_request_it_names_alone_and_reaches_a_poll(pair: Open) -> None:
    peer = await pair()
    one, two = await ask(peer), await ask(peer)
    polled = asyncio.create_task(peer.agent("GET", "diff", params={"since": two["cursor"], "wait": "25"}))
    async with peer.watch() as page:
        await page.next("connected")
        assert (await answered(peer, one, which=2))["status"] == "answered"
        frame = await page.next("answered")
    assert (frame["id"], frame["status"], frame["answer"]) == (one["id"], "answered", {"values": {"which": 2}})
    told = (await polled).json()["requests"]
    assert [(request["id"], request["answer"]) for request in told] == [(one["id"], {"values": {"which": 2}})]
    assert [request["id"] for request in await requests(peer, "user")] == [two["id"]]


async def test_hpp_225_a_repeated_answer_changes_nothing_and_another_one_is_refused(pair: Open) -> None:
    peer = await pair()
    asked = await ask(peer)
    first = await answered(peer, asked, which=1)
    assert await answered(peer, asked, which=1) == first
    for reply in (await decide(peer, asked, "decline"), await decide(peer, asked, which=2)):
        assert (reply.status_code, reply.json()["code"]) == (409, "request_ended")
    assert [one["answer"] for one in await requests(peer)] == [{"values": {"which": 1}}]


async def test_hpp_226_time_that_runs_out_is_told_as_expired_and_never_as_an_answer(pair: Open) -> None:
    peer = await pair()
    async with peer.watch() as page:
        await page.next("connected")
        asked = await ask(peer, expiresIn=1)
        frame = await page.next("lapsed")
    assert (frame["id"], frame["status"]) == (asked["id"], "expired")
    assert [one["status"] for one in await requests(peer)] == ["expired"]
    for decision in ("accept", "decline"):
        reply = await decide(peer, asked, decision, values={"which": 1})
        assert (reply.status_code, reply.json()["code"]) == (409, "request_ended")


async def test_hpp_227_an_end_leaves_the_page_at_once_and_is_shown_to_the_agent_until_it_has_read_it(
    local: Start,
) -> None:
    server = await local({"answer_seconds": 0.05})
    peer = await server.open()
    asked = await ask(peer)
    await answered(peer, asked, "decline")
    assert await requests(peer, "user") == []
    await asyncio.sleep(0.1)
    assert [one["status"] for one in await requests(peer)] == ["declined"]
    await asyncio.sleep(0.1)
    await requests(peer)
    assert await requests(peer) == []


async def test_hpp_228_an_answer_for_a_field_is_the_persons_and_a_secret_is_told_as_filled_alone(pair: Open) -> None:
    peer = await pair()
    for key, told in {"city": {"values": {"city": "Ulm"}}, "iban": {"values": {}, "filled": True}}.items():
        reply = await peer.agent("POST", "ask", {"text": "Where?", "key": key})
        await answered(peer, reply.json(), **{key: "Ulm"})
        assert (await peer.context(role="user"))["context"][key]["by"] == "user"
        assert (await requests(peer))[-1]["answer"] == told


async def test_hpp_229_no_question_has_a_field_for_a_secret(pair: Open) -> None:
    peer = await pair()
    secrets: list[dict[str, Any]] = [
        {"sensitive": True},
        {"readOnly": True},
        {"type": "rows", "fields": [{"key": "a"}]},
        *({"type": kind} for kind in ("password", "file", "signature", "captcha", ["string", "password"])),
        *({"type": kind} for kind in ("array<password>", "array:file", ["file"], "Password")),
        *({"autocomplete": hint, "by": "agent"} for hint in ("cc-number", "one-time-code", "section-a new-password")),
        *({"autocomplete": hints} for hints in (["section-a", "cc-csc"], ["given-name"], {"is": "cc-csc"})),
        {"format": "password"},
    ]
    for members in secrets:
        reply = await peer.agent("POST", "ask", QUESTION | {"fields": [{"key": "pin"} | members]})
        assert (reply.status_code, reply.json()["code"]) == (400, "invalid_schema"), members
    assert await requests(peer) == []


async def test_hpp_230_an_answer_that_does_not_fit_is_refused_and_the_request_stays_open(pair: Open) -> None:
    peer = await pair()
    asked = await ask(peer)
    for values in ({}, {"which": "two"}, {"which": 1, "other": 1}):
        assert (await decide(peer, asked, values=values)).status_code == 400
    assert [one["status"] for one in await requests(peer)] == ["open"]


async def test_hpp_263_what_an_answer_does_not_show_is_neither_missing_nor_told(pair: Open) -> None:
    peer = await pair()
    flies = {"key": "how", "in": ["plane"]}
    how = {"key": "how", "type": "enum", "options": ["train", "plane"], "required": True}
    fields = [how, {"key": "seat", "type": "integer", "required": True, "showIf": flies}]
    fields += [{"key": "why", "requiredIf": flies}]
    cases: list[tuple[dict[str, Any], Any]] = [
        ({"how": "plane"}, "missing_answer"),
        ({"how": "plane", "seat": 3}, "missing_answer"),
        ({"how": "plane", "seat": "x", "why": "far"}, "invalid_value"),
        ({"how": "plane", "seat": 3, "why": "far"}, {"how": "plane", "seat": 3, "why": "far"}),
        ({"how": "train"}, {"how": "train"}),
        ({"how": "train", "seat": "x", "why": "near"}, {"how": "train", "why": "near"}),
    ]
    for values, expected in cases:
        asked = await ask(peer, fields=fields)
        reply = await decide(peer, asked, values=values)
        if isinstance(expected, str):
            assert (reply.status_code, reply.json()["code"]) == (400, expected)
        else:
            assert reply.status_code == 200, reply.text
            assert (await requests(peer))[-1]["answer"] == {"values": expected}


async def test_hpp_264_a_condition_of_a_question_is_on_its_own_fields(pair: Open) -> None:
    peer = await pair({"mode": "form-fill", "schema": [{"key": "name"}]})
    for condition in ({"filled": "name"}, {"filled": "b"}, {"key": "a", "in": [1]}, {"of": "b"}):
        fields = [{"key": "a", "showIf": condition}, {"key": "b", "showIf": {"filled": "a"}}]
        reply = await peer.agent("POST", "ask", QUESTION | {"fields": fields})
        assert (reply.status_code, reply.json()["code"]) == (400, "invalid_schema")
    assert await requests(peer) == []


async def test_hpp_269_a_pattern_that_re2_does_not_take_is_a_warning_and_refuses_no_answer(pair: Open) -> None:
    peer = await pair()
    field = {"key": "which", "pattern": "(?=x)y"}
    asked = await ask(peer, fields=[field])
    assert [(one["key"], one["member"]) for one in asked["warnings"]] == [("which", "pattern")]
    await answered(peer, asked, which="z")
    assert (await requests(peer))[0]["answer"] == {"values": {"which": "z"}}


async def test_hpp_231_an_agent_takes_a_request_back(pair: Open) -> None:
    peer = await pair()
    asked = await ask(peer)
    url = f"{peer.base_url}{peer.created['askUrl']}/{asked['id']}"
    async with peer.watch() as page:
        await page.next("connected")
        assert (await peer.http.delete(url, headers=peer.as_user)).json()["code"] == "agent_required"
        assert (await peer.http.delete(url, headers=peer.as_agent)).json()["status"] == "withdrawn"
        assert (await page.next("withdrawn"))["id"] == asked["id"]
    assert (await decide(peer, asked, "decline")).json()["code"] == "request_ended"
    assert await requests(peer, "user") == []


async def test_hpp_232_an_agent_that_asks_too_much_is_refused_with_429(pair: Open) -> None:
    peer = await pair()
    replies = [await peer.agent("POST", "ask", QUESTION) for _ in range(17)]
    assert [reply.status_code for reply in replies] == [200] * 16 + [429]
    assert replies[-1].json()["code"] == "too_many_requests"
    assert int(replies[-1].headers["retry-after"]) > 0


async def test_hpp_233_a_page_answers_over_its_socket(pair: Open) -> None:
    peer = await pair()
    asked = await ask(peer)
    message = {"type": "answer", "id": asked["id"], "decision": "accept", "digest": asked["digest"], "ref": 7}
    async with peer.watch() as page:
        await page.next("connected")
        await page.send(message | {"values": {"which": 1}})
        ack = await page.next("ack")
    assert (ack["request"], ack["ref"]) == (asked["id"], 7)
    assert [one["status"] for one in await requests(peer)] == ["answered"]


async def test_hpp_234_attended_tells_whether_a_page_is_connected(pair: Open) -> None:
    peer = await pair()
    async with peer.watch(role="agent") as agent:
        await agent.next("connected")
        assert (await ask(peer))["attended"] is False
    async with peer.watch() as page:
        await page.next("connected")
        assert (await ask(peer))["attended"] is True


async def test_hpp_255_a_page_that_says_that_it_is_hidden_does_not_attend(pair: Open) -> None:
    peer = await pair()

    async def attended(*, watchers: int) -> bool:
        assert (await peer.agent("GET", "session")).json()["watchers"] == watchers
        told: bool = (await ask(peer))["attended"]
        return told

    async with peer.events(role="user", query="visible=false") as stream, peer.watch(query="visible=false") as page:
        await stream.next(), await page.next("connected")
        assert await attended(watchers=2) is False
        for visible in (True, False):
            await page.send({"type": "ping", "visible": visible})
            await page.next("pong")
            assert await attended(watchers=2) is visible
    async with peer.events(role="user") as stream:
        await stream.next()
        assert (await ask(peer))["attended"] is True


async def test_hpp_257_a_question_is_open_no_longer_than_its_session_has_left(local: Start) -> None:
    peer = await (await local(ttl=600.0)).open()
    asked = await ask(peer, expiresIn=3600)
    assert 600 - PATIENCE < asked["expiresIn"] <= 600
    assert (await peer.agent("POST", "extend", {"extraSeconds": 3600})).json()["expiresIn"] > 3600
    (told,) = await requests(peer)
    opened, expires = (datetime.fromisoformat(told[name]) for name in ("openedAt", "expiresAt"))
    assert 600 - PATIENCE < (expires - opened).total_seconds() <= 600


async def test_hpp_235_a_question_repeated_under_its_key_is_asked_once(pair: Open) -> None:
    peer = await pair()
    replies = [await peer.agent("POST", "ask", QUESTION, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert replies[0].json() == replies[1].json()
    assert [reply.headers.get("idempotency-replayed") for reply in replies] == [None, "true"]
    assert len(await requests(peer)) == 1
