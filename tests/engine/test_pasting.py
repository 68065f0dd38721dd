"""Paste-back: an agent's answer, let in by the person, applied as the agent."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from handshake_prompt import HandshakeApp, HandshakeError, Limits, Reject, Role
from handshake_prompt.protocol.messages import encode
from handshake_prompt.protocol.prompt_codes import prompt_code
from tests.support.bare_sessions import Opened, as_json, opened
from tests.support.held import JSON, ask, shortest, timed_steps
from tests.support.pairing import Pair, code_of, open_pair, refusal, virtual_engine
from tests.support.virtual_time import in_virtual_time

SCHEMA = [
    {"key": "name", "type": "string", "label": "Full name", "required": True},
    {"key": "zip", "type": "string", "label": "Code"},
    {"key": "age", "type": "integer", "label": "Code"},
    {"key": "plan", "type": "enum", "label": "zip", "options": [{"value": "b", "label": "Basic"}, {"value": "p"}]},
    {"key": "tags", "type": "array", "multiple": True},
    {"key": "iban", "type": "string", "sensitive": True},
    {"key": "lines", "type": "rows", "fields": [{"key": "amount", "type": "number", "min": 0}]},
]
FORM = {"mode": "form-fill", "schema": SCHEMA}


def block(**content: Any) -> str:
    return f"```handshake\n{json.dumps(content)}\n```"


async def paste(pair: Pair, text: str, *, preview: bool = False) -> dict[str, Any]:
    body = {"text": text, "preview": preview}
    return (await pair.engine.post_paste(pair.session_id, body, pair.user)).payload


async def bound(pair: Pair, **content: Any) -> str:
    """The block of an agent that was given a prompt now."""
    session = (await pair.record()).session
    return block(code=prompt_code(session.session_id, session.token_digest, session.seq), **content)


def outcomes(reply: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [(one["key"], one.get("code") or one["status"]) for one in reply["results"]]


@in_virtual_time
async def test_a_field_may_be_called_by_a_label_that_it_has_alone() -> None:
    pair = await open_pair(virtual_engine(), FORM)
    reply = await paste(pair, block(fields={"Full name": "Ann", "Code": "8000", "zip": "x"}))
    assert outcomes(reply) == [("name", "applied"), ("Code", "unknown_field"), ("zip", "applied")]
    assert await pair.values() == {"name": ("Ann", "ai"), "zip": ("x", "ai")}


@in_virtual_time
async def test_two_values_for_a_field_by_key_and_label_are_refused() -> None:
    pair = await open_pair(virtual_engine(), FORM)
    error = await refusal(paste(pair, block(fields={"Full name": "Ann", "name": "Bob"})))
    assert (error.code, [(one["line"], one["msg"]) for one in error.members["unread"]]) == (
        "unreadable",
        [(2, "there are two values for 'name'")],
    )
    assert await pair.values() == {}


@in_virtual_time
async def test_lines_of_text_get_the_type_of_their_field() -> None:
    pair = await open_pair(virtual_engine(), FORM)
    await paste(pair, "```handshake\nFull name: true\nzip: 8000\nage: 36\nplan: Basic\n```")
    assert {key: value for key, (value, _) in (await pair.values()).items()} == {
        "name": "true",
        "zip": "8000",
        "age": 36,
        "plan": "b",
    }


@in_virtual_time
async def test_rows_are_replaced_added_and_removed() -> None:
    pair = await open_pair(virtual_engine(), FORM)
    await paste(pair, block(rows={"lines": [{"amount": 1}, {"amount": 2}]}))
    reply = await paste(pair, block(add={"lines": [{"amount": 3}, {"amount": -1}]}, remove=["lines/r1"]))
    assert outcomes(reply) == [("lines/r1", "applied"), ("lines", "applied"), ("lines", "invalid_value")]
    assert {key: value for key, (value, _) in (await pair.values()).items()} == {
        "lines/r2/amount": 2,
        "lines/r3/amount": 3,
    }


@in_virtual_time
async def test_a_row_of_the_persons_and_one_that_changed_since_the_prompt_stay() -> None:
    pair = await open_pair(virtual_engine(), FORM)
    await pair.do(*({"type": "add", "key": "lines", "value": {"amount": n}} for n in range(3)))
    text = await bound(pair, remove=["lines/r1", "lines/r2", "lines/r3"])
    await pair.edit("lines/r1/amount", 9)
    await pair.act({"lines/r2/amount": 9})
    reply = await paste(pair, text)
    assert outcomes(reply) == [("lines/r1", "user_locked"), ("lines/r2", "stale"), ("lines/r3", "applied")]


@in_virtual_time
async def test_an_answer_may_correct_an_earlier_one_to_the_same_prompt_until_somebody_else_writes() -> None:
    pair = await open_pair(virtual_engine(), FORM)
    texts = [await bound(pair, fields={"name": name}) for name in ("Ann", "Bea", "Cleo")]
    assert outcomes(await paste(pair, texts[0])) == outcomes(await paste(pair, texts[1])) == [("name", "applied")]
    await pair.act({"name": "Dora"})
    assert outcomes(await paste(pair, texts[2])) == [("name", "stale")]
    assert await pair.values() == {"name": ("Dora", "ai")}


@in_virtual_time
async def test_an_answer_may_correct_an_earlier_one_though_the_field_was_away_meanwhile() -> None:
    pair = await open_pair(virtual_engine(), FORM)
    texts = [await bound(pair, fields={"name": name}) for name in ("Ann", "Bea", "Cleo")]
    await paste(pair, texts[0])
    entry = next(one for one in (await pair.context())["schema"] if one["key"] == "name")
    await pair.notify(schema={"remove": ["name"]})
    assert outcomes(await paste(pair, texts[1])) == [("name", "unknown_field")]
    await pair.notify(schema={"set": [entry]})
    assert outcomes(await paste(pair, texts[2])) == [("name", "applied")]


@in_virtual_time
async def test_an_answer_without_a_code_is_told_to_be_unbound() -> None:
    pair = await open_pair(virtual_engine(), FORM)
    await pair.act({"name": "Bob"})
    reply = await paste(pair, block(fields={"name": "Ann"}))
    assert (outcomes(reply), reply["bound"]) == ([("name", "applied")], False)


@in_virtual_time
async def test_the_code_of_a_reply_is_one_of_a_prompt_written_now() -> None:
    pair = await open_pair(virtual_engine(), FORM)
    await pair.act({"name": "Bob"})
    code = (await paste(pair, block(fields={"age": 1})))["code"]
    assert outcomes(await paste(pair, block(code=code, fields={"name": "Ann"}))) == [("name", "applied")]


@in_virtual_time
async def test_the_hosts_policy_judges_what_is_applied_and_is_not_asked_for_a_preview() -> None:
    engine, judged, done = virtual_engine(), list[str](), list[int]()

    @engine.on_action
    async def judge(_session: Any, action: Any, _request: Any) -> None:
        judged.append(action.key)
        if action.key == "age":
            raise Reject("not that one")

    @engine.on_done
    async def note(_session: Any, applied: Any, rejected: Any, _errors: Any) -> None:
        done.append(len(applied) + len(rejected))

    pair = await open_pair(engine, FORM)
    text = block(fields={"name": "Ann", "age": 36})
    assert outcomes(await paste(pair, text, preview=True)) == [("name", "applied"), ("age", "applied")]
    assert judged == []
    assert outcomes(await paste(pair, text)) == [("name", "applied"), ("age", "vetoed")]
    await asyncio.sleep(1)
    assert (judged, done) == (["name", "age"], [2])


@in_virtual_time
async def test_watchers_are_shown_an_answer_as_the_agents_batch() -> None:
    pair = await open_pair(virtual_engine(), FORM)
    async with pair.watch() as page:
        await paste(pair, block(fields={"name": "Ann"}), preview=True)
        await paste(pair, block(fields={"name": "Ann", "age": 36}))
        await asyncio.sleep(1)
    told = [(frame["type"], frame.get("key")) for frame in page.frames if frame["type"] in ("action", "edit", "done")]
    assert told == [("action", "name"), ("action", "age"), ("done", None)]


@in_virtual_time
async def test_suggestions_and_questions_become_requests_that_live_as_long_as_the_session() -> None:
    pair = await open_pair(virtual_engine(), FORM)
    await pair.edit("name", "Bob")
    text = block(
        suggest={"Full name": {"value": "Rob", "reason": "so it says"}},
        ask=["May I?", {"text": "Which?", "fields": [{"key": "n", "type": "integer"}]}, {"text": "Age?", "key": "age"}],
    )
    shown = await paste(pair, text, preview=True)
    assert "requests" not in await pair.context(Role.AGENT)
    reply = await paste(pair, text)
    assert outcomes(shown) == outcomes(reply) == [("name", "suggested")]
    expected = [("May I?", None, "open"), ("Which?", None, "open"), ("Age?", "age", "open")]
    assert asked(shown) == asked(reply) == expected
    requests = (await pair.context())["requests"]
    assert [(one["kind"], one.get("key"), one.get("text"), one["pasted"]) for one in requests] == [
        ("suggest", "name", None, True),
        ("ask", None, "May I?", True),
        ("ask", None, "Which?", True),
        ("ask", "age", "Age?", True),
    ]
    assert [one["request"] for one in reply["questions"]] == [one["id"] for one in requests[1:]]
    times = [datetime.fromisoformat(one["expiresAt"]) - datetime.fromisoformat(one["openedAt"]) for one in requests]
    assert min(times) > timedelta(seconds=pair.created["maxExpiresIn"] - 60)


def asked(reply: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [(one["text"], one.get("key"), one["status"]) for one in reply["questions"]]


@in_virtual_time
async def test_a_question_that_cannot_be_asked_is_refused_alone() -> None:
    pair = await open_pair(virtual_engine(Limits(open_requests=4)), FORM)
    secret = [{"key": "pin", "type": "string", "sensitive": True}]
    texts: list[Any] = [
        {"text": "PIN?", "fields": secret},
        {"text": "x" * 5000},
        {"text": "Other?", "key": "colour"},
        {"text": "Fields?", "fields": "all"},
    ]
    reply = await paste(pair, block(fields={"name": "Ann"}, ask=texts))
    assert [one["code"] for one in reply["questions"]] == [
        "invalid_schema",
        "value_too_large",
        "unknown_field",
        "invalid_request",
    ]
    assert (reply["applied"], (await pair.context()).get("requests")) == (["name"], None)
    assert reply["report"].count("Not asked: ") == 4
    assert await code_of(paste(pair, block(ask=[f"{n}?" for n in range(5)]))) == (413, "too_many_questions")
    reply = await paste(pair, block(ask=[f"{n}?" for n in range(4)]))
    assert asked(await paste(pair, block(ask=["5?"]))) == [("5?", None, "error")]


@in_virtual_time
async def test_a_question_that_was_asked_before_is_not_asked_again_and_brings_its_answer() -> None:
    pair = await open_pair(virtual_engine(), FORM)
    await paste(pair, block(ask=["May I?"], fields={"name": "Ann"}))
    corrected = await paste(pair, block(ask=["May I?", "Sure?"], fields={"name": "Bea"}))
    first, second = (await pair.context())["requests"]
    assert [one["request"] for one in corrected["questions"]] == [first["id"], second["id"]]
    decided = await decide(pair, first, "decline")
    assert decided["report"] == f'Your question `"May I?"` (id `"{first["id"]}"`): declined: the person said no.'
    again = await paste(pair, block(ask=["May I?"]))
    assert asked(again) == [("May I?", None, "declined")]
    assert "declined: the person said no" in again["report"]
    assert [one["id"] for one in (await pair.context())["requests"]] == [second["id"]]


async def decide(pair: Pair, request: dict[str, Any], decision: str, **values: Any) -> dict[str, Any]:
    body = {"decision": decision, "digest": request["digest"], "values": values}
    return (await pair.engine.post_answer(pair.session_id, request["id"], body, pair.user)).payload


@in_virtual_time
async def test_a_question_whose_time_ran_out_may_be_asked_again() -> None:
    pair = await open_pair(virtual_engine(), FORM)
    text = {"text": "May I?", "expiresIn": 5}
    await paste(pair, block(ask=[text]))
    await asyncio.sleep(6)
    assert "requests" not in await pair.context()
    await paste(pair, block(ask=[text], fields={"name": "Ann"}))
    assert len((await pair.context())["requests"]) == 1


@in_virtual_time
async def test_an_answer_of_questions_alone_is_asked_once_however_often_it_is_pasted() -> None:
    pair = await open_pair(virtual_engine(), FORM)
    replies = await asyncio.gather(*(paste(pair, block(ask=["May I?"])) for _ in range(8)))
    assert {one["questions"][0]["request"] for one in replies} == {(await pair.context())["requests"][0]["id"]}
    assert len((await pair.context())["requests"]) == 1


@in_virtual_time
async def test_the_report_tells_the_agent_in_words_what_became_of_its_answer() -> None:
    pair = await open_pair(virtual_engine(), FORM)
    text = await bound(pair, fields={"name": "Ann", "age": "x", "iban": "DE99", "zip": "8000"}, mood="good")
    await pair.act({"zip": "`1`"})
    await pair.edit("iban", "DE02 1203")
    reply = await paste(pair, text)
    holds = r'It holds `"\u00601\u0060"` now.'
    line = json.dumps(text.splitlines()[1][:80] + "…", ensure_ascii=False)
    assert reply["report"].splitlines() == [
        'Written: `"name"`.',
        'Refused: `"age"` (line 2): invalid_value: `"expected an integer, got text"`.',
        'Refused: `"iban"` (line 2): user_locked: `"The person wrote this field; it is theirs"`.',
        f'Refused: `"zip"` (line 2): stale: `"The field has changed since; look at current and decide again"`. {holds}',
        "Nothing that is required is empty.",
        f"Line 2 was not read: `{line}`: `\"an answer has no member 'mood'\"`.",
        "Changed since the prompt:",
        '- `"zip"`: `"\\u00601\\u0060"` (by an agent)',
        '- `"iban"`: a value that is hidden from you (by the person)',
        f'To go on, answer with one more block, under the code `"{reply["code"]}"`.',
    ]
    assert "DE02 1203" not in json.dumps(reply)
    assert outcomes(await paste(pair, block(code=reply["code"], fields={"zip": "8001"}))) == [("zip", "applied")]


@in_virtual_time
async def test_the_report_keeps_to_its_bound_and_asks_for_a_new_prompt_beyond() -> None:
    pair = await open_pair(virtual_engine(), {"mode": "default"})
    text = await bound(pair, fields={"name": "Ann"})
    await pair.act({f"k{number}": "x" * 3000 for number in range(41)})
    report = (await paste(pair, text))["report"]
    assert (len(report) < 32_000, "under the code" in report) == (True, False)
    assert report.endswith("1 more have changed: ask the person for a new prompt.")


@in_virtual_time
async def test_an_answer_pasted_many_times_at_once_has_one_effect() -> None:
    pair = await open_pair(virtual_engine(), FORM)
    text = block(add={"lines": [{"amount": 1}]}, fields={"name": "Ann"})
    replies = await asyncio.gather(*(paste(pair, text) for _ in range(8)))
    assert {json.dumps(one["results"]) for one in replies} == {json.dumps(replies[0]["results"])}
    assert set(await pair.values()) == {"name", "lines/r1/amount"}


@in_virtual_time
async def test_an_agents_batch_in_between_is_not_taken_for_an_answers() -> None:
    pair = await open_pair(virtual_engine(), FORM)
    text = await bound(pair, fields={"name": "Ann"})
    await asyncio.gather(pair.act({"name": "Bob"}), paste(pair, text))
    assert await pair.values() == {"name": ("Bob", "ai")}


@in_virtual_time
@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({f"k{number}": 1 for number in range(201)}, (413, "too_many_actions")),
        ({"name": "x" * 40_000}, (413, "value_too_large")),
        ({"k" * 300: 1}, (400, "invalid_key")),
        ({}, (400, "unreadable")),
    ],
)
async def test_an_answer_keeps_to_the_bounds_of_a_batch(fields: dict[str, Any], expected: tuple[int, str]) -> None:
    pair = await open_pair(virtual_engine(), FORM)
    assert await code_of(paste(pair, block(fields=fields))) == expected
    assert await pair.values() == {}


@in_virtual_time
@pytest.mark.parametrize(
    ("line", "code"),
    [
        ('"age": 9007199254740993', "invalid_value"),
        (f'"name": "{"x" * 40_000}"', "value_too_large"),
        ('"__proto__": 1', "invalid_key"),
        ('"lines": [{"__proto__": 1}]', "invalid_value"),
    ],
)
async def test_a_value_for_which_the_whole_answer_is_refused_is_named_with_its_line(line: str, code: str) -> None:
    pair = await open_pair(virtual_engine(), FORM)
    text = f'```handshake\n{{"fields": {{\n"zip": "1",\n{line}\n}}}}\n```'
    error = await refusal(paste(pair, text))
    assert (error.code, [one["line"] for one in error.members["unread"]]) == (code, [4])
    assert error.members["unread"][0]["msg"] == error.detail
    assert await pair.values() == {}


@in_virtual_time
async def test_a_sensitive_value_is_written_and_not_shown() -> None:
    pair = await open_pair(virtual_engine(), FORM | {"context": {"iban": "DE02 1203"}})
    reply = await paste(pair, block(fields={"iban": "DE99"}))
    assert outcomes(reply) == [("iban", "user_locked")]
    assert "DE02 1203" not in json.dumps(reply)


PROMISED = 0.020 * 2
"""Seconds that a request may hold the event loop, on a machine that does other things."""
TEXTS = {
    "braces": '{"' * 60_000,
    "fences": "```handshake\n{\n```\n" * 10_000,
    "one long text": block(fields={"name": "“\u2028x" * 8000}),
    "many fields": block(fields={f"k{number}": ["x"] * 20 for number in range(1500)}),
    "lines": "```handshake\n" + "Full name: x=\n" * 10_000,
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
async def test_no_text_holds_the_event_loop_for_long(text: str) -> None:
    limits = Limits(user_requests=1000)
    app = HandshakeApp(limits=limits)
    wide = [{"key": f"field-{number}", "type": "string", "label": f"Label {number}"} for number in range(480)]
    session = await opened(app, as_json({"mode": "form-fill", "schema": [*SCHEMA, *wide]}))
    assert isinstance(session, Opened)
    sent = as_json({"text": text, "preview": True})
    with timed_steps() as steps:

        async def measured() -> float:
            await steps.begin()
            answer = await ask(app, "POST", f"/paste/{session.session_id}", [*session.user, JSON], sent)
            assert answer.status in (200, 400, 413)
            return steps.longest

        assert await shortest(measured, within=PROMISED) < PROMISED


@in_virtual_time
async def test_a_preview_says_nothing_of_problems_and_what_is_pasted_is_judged() -> None:
    engine = virtual_engine()
    engine.form("trip", [{"key": "days", "type": "integer"}], validator=too_long)
    pair = await open_pair(engine, {"form": "trip"})
    text = await bound(pair, fields={"days": 9})
    previewed = await paste(pair, text, preview=True)
    assert (previewed.get("problems"), previewed["problemsUnknown"]) == (None, True)
    assert (await paste(pair, text))["problems"] == [{"keys": ["days"], "msg": "too long"}]


async def too_long(document: dict[str, Any]) -> dict[str, str]:
    return {"days": "too long"} if document.get("days", 0) > 7 else {}


# What a block cannot do.

RULED: list[dict[str, Any]] = [
    {"key": "name", "type": "string"},
    {"key": "age", "type": "integer"},
    {"key": "number", "type": "string", "readOnly": True},
    {"key": "consent", "type": "boolean", "by": "person"},
    {"key": "pin", "type": "string", "sensitive": True},
    {"key": "more", "type": "string", "showIf": {"key": "name", "in": ["Ann"]}},
    {"key": "lines", "type": "rows", "maxRows": 2, "fields": [{"key": "amount", "type": "number"}]},
]
KEYS = st.sampled_from([*(str(field["key"]) for field in RULED), "lines/r1", "lines/r1/amount", "lines/r9/amount", "x"])
A_VALUE: st.SearchStrategy[Any] = st.sampled_from(
    ["Ann", "", 7, -1, 1.5, True, None, [], [{"amount": 1}], [{"amount": "x"}, {}, {}], {"amount": 2}, "y" * 3000]
)
BLOCKS = st.fixed_dictionaries(
    {},
    optional={
        "fields": st.dictionaries(KEYS, A_VALUE, max_size=4),
        "add": st.dictionaries(KEYS, st.lists(A_VALUE, max_size=2), max_size=2),
        "remove": st.lists(KEYS, max_size=2),
        "suggest": st.dictionaries(KEYS, st.fixed_dictionaries({"value": A_VALUE}), max_size=2),
    },
)
FORGERIES = {
    "by": "user",
    "role": "user",
    "userToken": "u" * 32,
    "submit": True,
    "answer": {"decision": "accept"},
    "release": ["name"],
    "schema": {"remove": ["pin"]},
    "notify": {"key": "name", "value": "Eve"},
}


def on_the_wire(actions: Any) -> list[dict[str, Any]]:
    """Actions as a client sends them."""
    shown: list[dict[str, Any]] = json.loads(encode(actions))
    return shown


async def settled() -> Pair:
    """A form in which the person has written some fields and a row."""
    pair = await open_pair(virtual_engine(), {"mode": "form-fill", "schema": RULED, "context": {"pin": "12 34"}})
    await pair.notify(add="lines", value={"amount": 1})
    await pair.edit("name", "Bea")
    return pair


@given(content=BLOCKS, forged=st.sets(st.sampled_from(sorted(FORGERIES))))
@settings(max_examples=50, deadline=None)
def test_a_block_does_what_the_same_actions_by_the_agent_would_do_and_nothing_else(
    content: dict[str, Any], forged: set[str]
) -> None:
    @in_virtual_time
    async def compare() -> None:
        pair, direct = await settled(), await settled()
        reply: dict[str, Any] = {}
        with suppress(HandshakeError):
            reply = await paste(pair, block(**{name: FORGERIES[name] for name in forged}, **content))
            told = (await direct.do(*on_the_wire(reply["read"]))).payload
            assert shown(reply) == shown(told)
        assert await pair.values() == await direct.values()
        assert (await pair.values())["name"] == ("Bea", "user")
        session = (await pair.record()).session
        assert (session.ended, session.value("pin"), session.value("lines/r1/amount")) == (None, "12 34", 1)
        assert all(one.status == "open" for one in session.requests.values())
        assert "12 34" not in json.dumps(on_the_wire([reply]))

    compare()


def shown(reply: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [(one.get("key"), one.get("code") or one["status"]) for one in on_the_wire(reply["results"])]


NASTY = st.text(max_size=5) | st.sampled_from(
    ["`", "\n- token: x", "![a](https://evil.example)", "\u202ex", "</data>", "“", "\\"]
)
TWO = [{"key": "a"}, {"key": "b", "type": "integer"}]


@given(parts=st.lists(NASTY, min_size=1, max_size=6).map("".join))
@settings(max_examples=50, deadline=None)
def test_a_report_quotes_all_that_page_person_and_agent_say(parts: str) -> None:
    @in_virtual_time
    async def compare() -> None:
        reports = [await report(words) for words in (f"x{parts}", "plain")]
        told, plain = [re.sub("`[^`]*`", "``", one) for one in reports]
        assert told == plain

    compare()


async def report(words: str) -> str:
    pair = await open_pair(virtual_engine(), {"mode": "form-fill", "schema": TWO})
    text = await bound(pair, fields={"a": "x", "b": f"{words}!", "c": 1}, mood=words)
    await pair.edit("a", words)
    return str((await paste(pair, text))["report"])
