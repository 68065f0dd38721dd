"""Forms and values within the limits that are made to be expensive: bounded, and answered at once."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest

from handshake_prompt import HandshakeApp, MemoryStore
from handshake_prompt.protocol.limits import Limits
from tests.support.held import JSON, Answer, Header, Steps, ask, shortest, timed_steps

LIMITS = Limits(agent_requests=10**6, creates_per_address=10**6)
PROMISED = 0.050
"""Seconds of the processor that a step of the event loop may take."""

Schema = list[dict[str, Any]]


def many(count: int, **members: Any) -> Schema:
    return [{"key": f"k{number}", **members} for number in range(count)]


def within(levels: int, word: str, inner: Any) -> Any:
    """Return a part that stands in so many others."""
    for _ in range(levels):
        inner = {word: inner}
    return inner


def rows_within(levels: int) -> Schema:
    entries: Schema = [{"key": "cell"}]
    for _ in range(levels):
        entries = [{"key": "rows", "type": "rows", "fields": entries}]
    return entries


def embedded(count: int, schema: dict[str, Any]) -> Schema:
    return [{"key": f"k{number}", "type": "json", "schema": schema | {"title": str(number)}} for number in range(count)]


def chains(count: int, length: int, names: int) -> Schema:
    """Return chains of fields, each shown by the one before and by some others."""
    others = [{"filled": f"k{number}"} for number in range(names)]
    return many(names) + [
        {"key": f"c{chain}/{place}", "showIf": {"any": [{"filled": f"c{chain}/{place - 1}"}, *others][not place :]}}
        for chain in range(count)
        for place in range(length)
    ]


ANY_OF_61 = {"any": [{"filled": f"k{number}"} for number in range(61)]}
GROUPS = ["/".join("g" * depth) for depth in range(1, 10)]
GROUPED: Schema = [
    *({"key": f"{GROUPS[-1]}/k{number}", "group": "g"} for number in range(390)),
    *({"key": f"c{number}", "showIf": {"any": [{"filled": group} for group in GROUPS]}} for number in range(100)),
]
DEEP = "/".join(["g" * 8] * 15) + "/"
DOUBLING = {
    "$defs": {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(20)} | {"d20": {}},
    "$ref": "#/$defs/d0",
}
ANY_OF_200 = {"additionalProperties": {"anyOf": [{"const": number} for number in range(200)]}}
LABELLED = [{"value": f"option {number}", "label": f"{'x' * 24}{number}"} for number in range(900)]

FORMS: dict[str, tuple[Schema, int]] = {
    "a condition within conditions": ([{"key": "b", "showIf": within(12, "not", {"filled": "a"})}], 400),
    "conditions of many parts": (many(62) + [{"key": f"c{n}", "showIf": ANY_OF_61} for n in range(31)], 200),
    "conditions of too many parts": (many(62) + [{"key": f"c{n}", "showIf": ANY_OF_61} for n in range(40)], 400),
    "a circle": ([{"key": "a", "showIf": {"filled": "b"}}, {"key": "b", "showIf": {"not": {"filled": "a"}}}], 400),
    "long chains": (chains(8, 40, 4), 200),
    "longer chains": (chains(1, 60, 1), 400),
    "groups in groups": (GROUPED, 200),
    "as many groups as there may be": ([{"key": f"{DEEP}{n}/k", "group": "g"} for n in range(500)], 200),
    "groups without an end": ([{"key": f"{'g/' * 100}{n}/k", "group": "g"} for n in range(500)], 400),
    "slashes without groups": ([{"key": f"{n}{'/' * 250}"} for n in range(500)], 200),
    "ten thousand options": ([{"key": "a", "type": "enum", "options": list(range(9_980))}], 200),
    "more options": ([{"key": "a", "type": "enum", "options": list(range(11_000))}], 413),
    "options under conditions": (
        [{"key": "a", "type": "enum", "options": [{"value": n, "when": {"filled": "b"}} for n in range(1_900)]}],
        200,
    ),
    "patterns that are not for RE2": (many(500, pattern="(?=a)b"), 200),
    "very many of them": ([{"key": f"k{n}", "pattern": f"(?=a){n:04}"} for n in range(400)], 400),
    "patterns without an end": ([{"key": f"k{n}", "pattern": "(" * n} for n in range(1, 89)], 200),
    "schemas that double": (embedded(48, DOUBLING), 200),
    "more schemas than fit": (embedded(60, DOUBLING), 400),
    "schemas of patterns": (
        embedded(8, {"patternProperties": {f"^a{n}[b-z]*x?$": {} for n in range(230)}}),
        200,
    ),
    "schemas of many members": (
        embedded(7, {"properties": {f"p{n}": {"type": "string", "minLength": 1} for n in range(160)}}),
        200,
    ),
    "a deep schema": (embedded(1, within(60, "items", {})), 200),
    "a schema that is itself": (embedded(1, {"$ref": "#"}), 200),
    "a schema elsewhere": (embedded(1, {"$ref": "https://example.org/"}), 400),
    "rows within rows": (rows_within(10), 200),
    "rows without an end": (rows_within(40), 400),
    "fields of rows": ([{"key": "rows", "type": "rows", "fields": many(499, type=["date", "enum"])}], 200),
}


async def opened(app: HandshakeApp, schema: Schema) -> Answer:
    body = json.dumps({"mode": "form-fill", "schema": schema}, separators=(",", ":")).encode()
    return await ask(app, "POST", "/session", [JSON, (b"host", b"localhost")], body)


async def cost_of_opening(steps: Steps, schema: Schema, status: int) -> float:
    """Return the longest step of opening a session, which is answered with a status."""
    app = HandshakeApp(limits=LIMITS, store=MemoryStore(LIMITS))
    await steps.begin()
    answer = await opened(app, schema)
    assert answer.status == status
    return steps.longest


@pytest.mark.parametrize(("schema", "status"), FORMS.values(), ids=FORMS)
async def test_a_form_is_taken_or_refused_at_once(schema: Schema, status: int) -> None:
    with timed_steps() as steps:
        seconds = await shortest(partial(cost_of_opening, steps, schema, status), within=PROMISED)
    assert seconds < PROMISED


Writes = list[tuple[str, Any]]
TREE = {
    "$defs": {"node": {"properties": {"of": {"type": "array", "items": {"$ref": "#/$defs/node"}}}}},
    "$ref": "#/$defs/node",
}
BATCHES: dict[str, tuple[Schema, Writes, int]] = {
    "texts unlike very many options": (
        [{"key": "a", "type": "enum", "options": LABELLED}],
        [("a", "no such option at all")] * 200,
        200,
    ),
    "lists of labels": (
        [{"key": "a", "type": "select-multiple", "repeats": True, "options": LABELLED}],
        [("a", ["OPTION 1"] * 45)] * 200,
        200,
    ),
    "values of many alternatives": (
        embedded(1, ANY_OF_200),
        [("k0", {str(member): "x" for member in range(8)})] * 200,
        413,
    ),
    "a value that doubles its checks": (embedded(1, DOUBLING), [("k0", 1)] * 200, 413),
    "trees": (embedded(1, TREE), [("k0", {"of": [{"of": []}] * 40})] * 60, 413),
    "texts that a pattern might try twice": (
        embedded(1, {"items": {"pattern": "^(a|aa)*b$"}}),
        [("k0", ["a" * 300] * 100)] * 5,
        200,
    ),
    "conditions of many parts": (
        many(61) + [{"key": f"c{n}", "showIf": ANY_OF_61} for n in range(30)],
        [(f"c{n % 30}", "x") for n in range(200)],
        200,
    ),
    "groups in groups": (GROUPED, [(f"c{n % 100}", "x") for n in range(200)], 413),
    "a chain backwards": (
        chains(1, 49, 1),
        [(f"c0/{n}", "x") for n in range(48, -1, -1)] * 3 + [("k0", "x")],
        200,
    ),
    "lists of options under conditions": (
        [
            {"key": "b"},
            {
                "key": "a",
                "type": "select-multiple",
                "options": [{"value": n, "when": {"not": {"filled": "b"}}} for n in range(900)],
            },
        ],
        [("a", list(range(900)))] * 10,
        200,
    ),
    "very fine steps": (
        [{"key": "a", "type": "number", "multiple": True, "step": 1e-300}],
        [("a", [1.5] * 1_500)] * 6,
        200,
    ),
    "lists of addresses": ([{"key": "a", "multiple": True, "format": "uri"}], [("a", ["a://b/c/d"] * 1_500)] * 6, 200),
    "a long duration": ([{"key": "a", "format": "duration"}], [("a", f"P{'1' * 2_000}")] * 120, 200),
    "a long address": ([{"key": "a", "format": "uri"}], [("a", f"a://{'@' * 2_000}")] * 120, 200),
    "lists that repeat nothing": (
        [{"key": "a", "type": "array", "unique": True}],
        [("a", [[n] for n in range(4_000)])],
        200,
    ),
    "values of no type": (
        [{"key": "a", "multiple": True, "type": ["date", "datetime", "email", "url", "week", "month"]}],
        [("a", ["2026-05-0x"] * 1_500)] * 6,
        200,
    ),
}


async def cost_of_writing(steps: Steps, schema: Schema, writes: Writes, status: int) -> float:
    """Return the longest step of a batch, which is answered with a status."""
    app = HandshakeApp(limits=LIMITS, store=MemoryStore(LIMITS))
    made = json.loads((await opened(app, schema)).body)
    actions = [{"type": "set", "key": key, "value": value} for key, value in writes]
    body = json.dumps({"actions": actions, "stream": False}, separators=(",", ":")).encode()
    agent: list[Header] = [JSON, (b"x-handshake-token", made["token"].encode())]
    await steps.begin()
    answer = await ask(app, "POST", f"/action/{made['sessionId']}", agent, body)
    assert answer.status == status
    return steps.longest


@pytest.mark.parametrize(("schema", "writes", "status"), BATCHES.values(), ids=BATCHES)
async def test_a_batch_is_checked_or_refused_at_once(schema: Schema, writes: Writes, status: int) -> None:
    with timed_steps() as steps:
        seconds = await shortest(partial(cost_of_writing, steps, schema, writes, status), within=PROMISED)
    assert seconds < PROMISED
