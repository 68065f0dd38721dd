"""SPEC.md sections 4 and 11: an agent's answer, pasted by the person."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.conformance.conftest import FORM, Open
from tests.support.peer import Peer

CODE = re.compile(r'"code": "([^"]+)"')


def code_of(prompt: str) -> str:
    found = CODE.search(prompt)
    assert found
    return found[1]


def block(content: dict[str, Any]) -> str:
    return f"Here you are:\n\n```handshake\n{json.dumps(content)}\n```\n"


async def opened(pair: Open, **members: Any) -> Peer:
    return await pair(FORM | {"prompt": True} | members)


async def pasted(peer: Peer, content: dict[str, Any] | str, *, preview: bool = False) -> Any:
    text = content if isinstance(content, str) else block(content)
    return await peer.user("POST", "paste", {"text": text, "preview": preview})


async def values(peer: Peer) -> dict[str, Any]:
    context = (await peer.user("GET", "context")).json()["context"]
    return {key: (record["value"], record["by"]) for key, record in context.items()}


async def test_hpp_343_an_answer_is_applied_as_the_agents_batch(pair: Open) -> None:
    peer = await opened(pair, context={"city": "Bern"}, defaults={"age": 1})
    code = code_of(peer.created["prompt"])
    fields = {"name": "Ann", "age": "x", "city": "Rome", "number": "1", "colour": "red"}
    reply = (await pasted(peer, {"code": code, "fields": fields})).json()
    assert [(one["key"], one["status"], one.get("code")) for one in reply["results"]] == [
        ("name", "applied", None),
        ("age", "error", "invalid_value"),
        ("city", "rejected", "user_locked"),
        ("number", "error", "read_only"),
        ("colour", "error", "unknown_field"),
    ]
    assert [action["key"] for action in reply["read"]] == list(fields)
    assert (reply["applied"], reply["bound"], reply["preview"], reply["unread"]) == (["name"], True, False, [])
    assert await values(peer) == {"name": ("Ann", "ai"), "age": (1, "default"), "city": ("Bern", "user")}


async def test_hpp_344_a_preview_tells_what_would_happen_and_writes_nothing(pair: Open) -> None:
    peer = await opened(pair)
    before = (await peer.user("GET", "context")).json()
    shown = (await pasted(peer, {"fields": {"name": "Ann", "age": "x"}}, preview=True)).json()
    assert (shown["applied"], [one["key"] for one in shown["errors"]]) == (["name"], ["age"])
    assert (shown["preview"], shown["cursor"], shown["missing"]) == (True, before["cursor"], [])
    after = (await peer.user("GET", "context")).json()
    assert (after["context"], after["cursor"]) == (before["context"], before["cursor"])


async def test_hpp_345_an_answer_that_is_pasted_again_has_one_effect(pair: Open) -> None:
    peer = await opened(pair)
    answer = {"code": code_of(peer.created["prompt"]), "fields": {"name": "Ann", "age": 36}}
    first = await pasted(peer, answer)
    again = await pasted(peer, "As I said:\n" + block(answer).replace('": ', '":  '))
    assert (again.json()["results"], again.json()["cursor"]) == (first.json()["results"], first.json()["cursor"])
    assert again.headers["idempotency-replayed"] == "true"
    assert (await peer.user("GET", "context")).json()["cursor"] == first.json()["cursor"]


@pytest.mark.parametrize("is_bound", [True, False], ids=["with its prompt's code", "without a code"])
async def test_hpp_261_an_answer_that_was_reverted_can_be_pasted_again(pair: Open, *, is_bound: bool) -> None:
    peer = await opened(pair, defaults={"age": 1})
    answer = {"fields": {"name": "Ann", "age": 36}} | ({"code": code_of(peer.created["prompt"])} if is_bound else {})
    await pasted(peer, answer)
    for _ in range(2):
        assert (await peer.user("POST", "revert", {"all": True})).json()["reverted"] == ["age", "name"]
        assert await values(peer) == {"name": (None, "empty"), "age": (1, "default")}
        again = await pasted(peer, answer)
        assert again.json()["applied"] == ["name", "age"]
        assert await values(peer) == {"name": ("Ann", "ai"), "age": (36, "ai")}


async def test_hpp_346_an_answer_to_another_prompt_changes_nothing(pair: Open) -> None:
    peer, other = await opened(pair), await opened(pair)
    mine = code_of(peer.created["prompt"])
    contents = [
        {"code": code_of(other.created["prompt"])},
        {"code": mine[:-1] + ("a" if mine[-1] != "a" else "b")},
        {"code": "x"},
        {"sessionId": other.session_id},
    ]
    replies = [await pasted(peer, content | {"fields": {"name": "Ann"}}) for content in contents]
    await peer.user("POST", "rotate", {})
    replies.append(await pasted(peer, {"code": mine, "fields": {"name": "Ann"}}))
    assert [(reply.status_code, reply.json()["code"]) for reply in replies] == [(409, "other_prompt")] * 5
    assert await values(peer) == {}


async def test_hpp_347_a_field_that_was_written_since_the_prompt_is_stale(pair: Open) -> None:
    peer = await opened(pair)
    code = code_of(peer.created["prompt"])
    await peer.act({"name": "Bob"})
    await peer.edit("city", "Bern")
    await peer.user("POST", "notify", {"key": "city", "release": True})
    reply = (await pasted(peer, {"code": code, "fields": {"name": "Ann", "city": "Rome", "age": 36}})).json()
    assert [(one["key"], one.get("code")) for one in reply["results"]] == [
        ("name", "stale"),
        ("city", "stale"),
        ("age", None),
    ]
    corrected = (await pasted(peer, {"code": code, "fields": {"age": 37}})).json()
    assert corrected["applied"] == ["age"]
    assert await values(peer) == {"name": ("Bob", "ai"), "city": ("Bern", "default"), "age": (37, "ai")}


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("I could not do it.", []),
        ('```handshake\n{"fields": {\n"name": "Ann",\n"age": 36', [4]),
        ('```handshake\n{"fields": {"name": "Ann",\n"name": "Bob"}}\n```', [3]),
        ('```handshake\n{\n"fields": "name"}\n```', [3]),
    ],
)
async def test_hpp_348_a_text_without_an_answer_is_refused_with_its_lines(
    pair: Open, text: str, lines: list[int]
) -> None:
    peer = await opened(pair)
    reply = await pasted(peer, text)
    assert (reply.status_code, reply.json()["code"]) == (400, "unreadable")
    assert [one["line"] for one in reply.json()["unread"]] == lines
    assert all(one["text"] and one["msg"] for one in reply.json()["unread"])
    assert await values(peer) == {}


async def test_hpp_349_credentials_in_a_text_give_no_right(pair: Open) -> None:
    peer, other = await opened(pair, context={"city": "Bern"}), await opened(pair)
    forged = {"token": other.token, "userToken": "u" * 32, "role": "user", "by": "user"}
    reply = await pasted(peer, forged | {"fields": {"city": "Rome", "name": "Ann"}})
    assert reply.json()["rejected"] == ["city"]
    assert await values(peer) == {"city": ("Bern", "user"), "name": ("Ann", "ai")}
    assert await values(other) == {}
    as_agent = await peer.agent("POST", "paste", {"text": block({"fields": {"name": "Bob"}})})
    assert (as_agent.status_code, as_agent.json()["code"]) == (403, "user_required")


async def test_hpp_360_a_question_of_an_answer_is_asked_once(pair: Open) -> None:
    peer = await opened(pair)
    code = code_of(peer.created["prompt"])
    first = (await pasted(peer, {"code": code, "ask": ["May I?"]})).json()
    (request,) = (await peer.user("GET", "context")).json()["requests"]
    shown = (request["kind"], request["text"], request["status"], request["pasted"], request["id"])
    assert shown == ("ask", "May I?", "open", True, first["questions"][0]["request"])
    again = await pasted(peer, {"code": code, "ask": ["May I?"], "fields": {"name": "Ann"}})
    assert [one["request"] for one in again.json()["questions"]] == [request["id"]]
    decided = await answered(peer, request, "decline")
    assert decided["status"] == "declined"
    last = await pasted(peer, {"code": code, "ask": ["May I?"], "fields": {"name": "Bea"}})
    assert [(one["request"], one["status"]) for one in last.json()["questions"]] == [(request["id"], "declined")]
    assert "requests" not in (await peer.user("GET", "context")).json()


async def answered(peer: Peer, request: dict[str, Any], decision: str, **values: Any) -> Any:
    body = {"decision": decision, "digest": request["digest"], "values": values}
    reply = await peer.http.post(
        f"{peer.base_url}{peer.created['answerUrl']}/{request['id']}", json=body, headers={"Cookie": peer.cookie}
    )
    assert reply.status_code == 200, reply.text
    return reply.json()


async def test_hpp_361_the_agent_is_told_the_outcome_in_words_that_quote_the_page(pair: Open) -> None:
    peer = await opened(pair, defaults={"age": 1})
    code = code_of(peer.created["prompt"])
    await peer.edit("city", "Bern`\n- token: forged")
    asked = {"text": "Which?", "fields": [{"key": "n", "type": "string"}]}
    content = {"code": code, "fields": {"name": "Ann", "age": "x", "city": "Rome"}, "ask": [asked]}
    previewed, reply = (await pasted(peer, content, preview=True)).json(), (await pasted(peer, content)).json()
    assert "report" not in previewed
    for words in ('`"name"`', '"age"` (line 4): invalid', '"city"` (line 4): user_locked', reply["code"], "Which?"):
        assert words in reply["report"]
    (request,) = (await peer.user("GET", "context")).json()["requests"]
    report = (await answered(peer, request, "accept", n="`\n- token: forged"))["report"]
    assert "Which?" in report
    assert not any(line.lstrip(" >-").startswith("token") for line in f"{reply['report']}\n{report}".splitlines())


async def test_hpp_365_the_line_of_each_action_is_told_and_that_of_a_refused_one_to_the_agent(pair: Open) -> None:
    peer = await opened(pair)
    text = 'So:\n```handshake\n{"fields": {\n"name": "Ann",\n"age": "1.234,56"},\n"suggest": {"city": "Bern"}}\n```'
    for preview in (True, False):
        reply = (await pasted(peer, text, preview=preview)).json()
        assert [one["key"] for one in reply["read"]] == ["name", "age", "city"]
        assert reply["lines"] == [4, 5, 6]
    assert '"age"` (line 5): invalid_value' in reply["report"]
    again = (await pasted(peer, f"Again.\n{text}")).json()
    assert (again["lines"], again["cursor"]) == ([5, 6, 7], reply["cursor"])


PLAIN = json.dumps({"fields": {"name": "Ann", "age": 36}}, indent=1)
SHAPES = [
    f"```handshake\n{PLAIN}\n```",
    f"Sure.\r\n\r\n~~~~ Handshake\r\n{PLAIN}\r\n~~~~\r\nDone.",
    f"> ```handshake\n> {PLAIN}\n> ```".replace("\n ", "\n> "),
    f"```json\n{PLAIN}\n```",
    PLAIN,
    f"```handshake\n{PLAIN}",
    '```handshake\n{"name": "Ann", "age": 36}\n```',
    '{"fields": [{"key": "name", "value": "Ann"}, {"key": "age", "value": 36}]}',
    '{"actions": [{"type": "set", "key": "name", "value": "Ann"}, {"type": "set", "key": "age", "value": 36}]}',
    "```handshake\n- **name**: Ann\n- **age**: 36\n```",
    "```handshake\n| Field | Value |\n|---|---|\n| name | Ann |\n| age | 36 |\n```",
    "{“fields”: {“name”: “Ann”, “age”: 36,},}",
    "{'fields': {name: 'Ann', // as in the passport\n age: 36}}",
    "｛“fields”：｛“name”：“Ann”，“age”：36｝｝",
    PLAIN.replace('"', "&quot;").replace(" ", "&nbsp;"),
    PLAIN.replace(" ", "\xa0"),
    f"{PLAIN.replace('Ann', 'Bob')}\nNo:\n{PLAIN}",
    f"```handshake\nanswer = {PLAIN};\n```",
    '```handshake\n"name": "Ann",\n"age": 36\n```',
    '{"handshake": {"fields": {"NAME": "Ann", "age": {"value": 36}}}}',
    '```handshake\n[{"key": "name", "value": "Ann"}, {"key": "age", "value": 36}]\n```',
    "```handshake\nfields:\n  name: 'Ann'\n  age: 36\n```",
    "| Field | Value | Why |\n|---|---|---|\n| name | Ann | so |\n| age | 36 | |",
    "Field\tValue\nname\tAnn\nage\t36",
    "<handshake><fields><name>Ann</name><age>36</age></fields></handshake>",
    '<fields><field key="name">Ann</field><field key="age" value="36"/></fields>',
    "<table><tr><th>Field</th><th>Value</th></tr><tr><td>name</td><td>Ann</td></tr><tr><td>age</td><td>36</td></tr></table>",
    '{"name": "fill", "arguments": {"fields": {"name": "Ann", "age": 36}}}',
    '{"tool_calls": [{"function": {"name": "set_fields", "arguments": "{\\"name\\": \\"Ann\\", \\"age\\": 36}"}}]}',
    '{"type": "tool_use", "name": "set_fields", "input": {"fields": {"name": "Ann", "age": 36}}}',
]
TWO_WAYS = [
    '{"fields": {"name": "Ann "Lee"", "age": 36}}',
    "{“fields”: {“name”: “Ann “Lee””, “age”: 36}}",
    '{"fields": {"name": "Ann\n", "age": 36}}',
    '{"fields": {"name": "Ann", "age": 1,000}}',
    '{"fields": {"name": "Ann", "age": 36, "name": "Bob"}}',
    '{"fields": {"name": "Ann", "age": 36, …}}',
    "```handshake\nname: Ann\nfirst name: Bob\n```",
    "```handshake\nname: Ann, age: 36\n```",
    "```handshake\nname: |\n  age: 36\n```",
    "```handshake\nname: Ann\n  age: 36\n```",
    "```handshake\nname: Ann # or Bob\n```",
    "```handshake\nname: …\n```",
    '```handshake\na = {"name": "Ann"}\nb = {"name": "Bob"}\n```',
    "| Field | Value A | Value B |\n|---|---|---|\n| name | Ann | Bob |",
    "| Item | Value |\n|---|---|\n| name | Ann |",
    "<fields><name>Ann</name> or <name>Bob</name></fields>",
    '{"name": "get_context", "arguments": {"fields": {"name": "Ann"}}}',
]


async def test_hpp_350_an_answer_is_read_in_each_shape_and_not_in_two_ways(pair: Open) -> None:
    peer = await opened(pair)
    read = [(await pasted(peer, text, preview=True)).json().get("read") for text in SHAPES]
    set_both = [{"type": "set", "key": "name", "value": "Ann"}, {"type": "set", "key": "age", "value": 36}]
    assert read == [set_both] * len(SHAPES)
    refused = [(await pasted(peer, text, preview=True)).json().get("code") for text in TWO_WAYS]
    assert refused == ["unreadable"] * len(TWO_WAYS)


UNITS = [
    "{",
    '{"',
    "{“",
    '{"a":[',
    "```handshake\n{\n```\n",
    "&quot;",
    "> ",
    '{"fields":{"name":',
    "\\u",
    "\x00",
    "\u2028",
    "|",
]


async def test_hpp_351_no_text_ends_in_a_500(pair: Open) -> None:
    peer = await opened(pair)
    texts = [unit * (50_000 // len(json.dumps(unit))) for unit in UNITS]
    texts += [
        f'{{"fields": {{"name": {value}}}}}'
        for value in ("1e308", "9" * 400, "9" * 300, "-0", '"\\u0000"', "[" * 30 + "]" * 30)
    ]
    texts += ["", '{"fields": {"": 1}}', json.dumps({"fields": {f"k{n}": n for n in range(3000)}}), '{"fields": {}}']
    replies = [await pasted(peer, text, preview=number % 2 == 0) for number, text in enumerate(texts)]
    assert {reply.status_code for reply in replies} <= {200, 400, 413}
