"""SPEC.md section 5: who may write what, what a value may be, and what a form asks of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.conftest import FORM, Open
from tests.support.peer import Peer

MODES = pytest.mark.parametrize("mode", ["default", "form-fill", "device-pair"])


@MODES
async def test_hpp_057_an_agent_cannot_write_what_is_the_persons(pair: Open, mode: str) -> None:
    peer = await _written(pair, mode)
    before = await peer.context()
    reply = await peer.act({"user": "agent's", "user_edit": "agent's"})
    assert (reply["applied"], reply["rejected"]) == ([], ["user", "user_edit"])
    told = {one["key"]: (one["code"], one["current"]["value"]) for one in reply["results"]}
    assert told == {"user": ("user_locked", "user"), "user_edit": ("user_locked", "user_edit")}
    assert (await peer.context())["context"] == before["context"]


@MODES
async def test_hpp_058_an_agent_can_write_everything_else(pair: Open, mode: str) -> None:
    peer = await _written(pair, mode)
    keys = ["nothing", "empty", "default", "ai"]
    assert (await peer.act(dict.fromkeys(keys, "agent's")))["applied"] == keys
    context = (await peer.context())["context"]
    assert {key: (context[key]["value"], context[key]["by"]) for key in keys} == dict.fromkeys(keys, ("agent's", "ai"))


@MODES
async def test_hpp_059_a_person_can_write_everything(pair: Open, mode: str) -> None:
    peer = await _written(pair, mode)
    becomes = {"nothing": "user", "empty": "user", "default": "user", "user": "user"}
    becomes |= {"ai": "user_edit", "user_edit": "user_edit"}
    assert {key: (await peer.edit(key, "mine"))["by"] for key in becomes} == becomes
    context = (await peer.context())["context"]
    assert {key: (context[key]["value"], context[key]["by"]) for key in becomes} == {
        key: ("mine", by) for key, by in becomes.items()
    }


async def test_hpp_060_a_release_gives_a_field_back_with_its_value(pair: Open) -> None:
    peer = await _written(pair, "form-fill")
    becomes = {"user": "default", "user_edit": "default", "empty": "empty", "default": "default", "ai": "ai"}
    before = await peer.context()
    for key, by in becomes.items():
        reply = await peer.user("POST", "notify", {"key": key, "release": True})
        after = await peer.context()
        assert (key, reply.json()["by"], after["context"][key]["by"]) == (key, by, by)
        assert after["context"][key]["value"] == before["context"][key]["value"]
        assert (after["cursor"] == before["cursor"]) == (key == by), key
        before = after
    assert (await peer.act(dict.fromkeys(becomes, "agent's")))["applied"] == list(becomes)


@pytest.mark.parametrize(
    ("mode", "authors"),
    [
        ("form-fill", {"a": "user", "zero": "user", "no": "user", "none": "empty", "text": "empty", "list": "empty"}),
        ("default", dict.fromkeys(["a", "zero", "no", "none", "text", "list"], "default")),
    ],
)
async def test_hpp_061_values_given_at_creation_have_their_authors(
    pair: Open, mode: str, authors: dict[str, str]
) -> None:
    values = {"a": "x", "zero": 0, "no": False, "none": None, "text": "", "list": []}
    peer = await pair({"mode": mode, "context": values | {"both": ""}, "defaults": {"d": 1, "both": 2}})
    context = (await peer.context())["context"]
    assert {key: record["by"] for key, record in context.items()} == authors | {"d": "default", "both": "default"}
    assert context["d"]["value"] == 1
    if mode == "form-fill":
        assert context["both"]["value"] == 2


UNSAFE: list[tuple[str, str, set[str]]] = [
    ('""', "1", {"invalid_key"}),
    (f'"{"k" * 257}"', "1", {"invalid_key"}),
    (r'"a\u0000"', "1", {"invalid_key"}),
    (r'"a\nb"', "1", {"invalid_key"}),
    ('"__proto__"', "1", {"invalid_key"}),
    ('"constructor"', "1", {"invalid_key"}),
    ('"prototype"', "1", {"invalid_key"}),
    (r'"\ud800"', "1", {"invalid_key", "invalid_json"}),
    ('"a"', r'"\ud800"', {"invalid_value", "invalid_json"}),
    ('"a"', r'{"x": ["\udfff"]}', {"invalid_value", "invalid_json"}),
    ('"a"', "9007199254740992", {"invalid_value"}),
    ('"a"', "[[-9007199254740992]]", {"invalid_value"}),
    ('"a"', "1e400", {"invalid_value", "invalid_json", "invalid_request"}),
    ('"a"', "NaN", {"invalid_json"}),
    ('"a"', '{"__proto__": 1}', {"invalid_value"}),
    ('"a"', "[" * 17 + "]" * 17, {"invalid_value"}),
]
"""JSON of a key and of a value, and what may be said of the two together."""


async def test_hpp_062_keys_and_values_that_would_break_a_page_are_refused(pair: Open, conformance_url: str) -> None:
    peer = await pair({})
    json = {"Content-Type": "application/json"}
    good = '{"type": "set", "key": "first", "value": 1}'
    bodies = {
        conformance_url + "/session": ('{"data": {"first": 1, %s: %s}}', {}),
        peer.base_url + peer.created["actionUrl"]: (
            f'{{"actions": [{good}, {{"type": "set", "key": %s, "value": %s}}]}}',
            peer.as_agent,
        ),
        peer.base_url + peer.created["notifyUrl"]: ('{"key": %s, "value": %s}', peer.as_user),
    }
    wrong = []
    for key, value, codes in UNSAFE:
        for url, (body, headers) in bodies.items():
            reply = await peer.http.post(url, content=body % (key, value), headers=headers | json)
            if reply.status_code != 400 or reply.json()["code"] not in codes:
                wrong.append((url, key, value, reply.text))
    assert wrong == []
    assert (await peer.context())["context"] == {}


TYPES: list[tuple[str, list[Any], list[Any]]] = [
    ("string", ["x", ""], [1, True, ["x"], {}]),
    ("str", ["x"], [1]),
    ("integer", [0, -5, 9007199254740991], [1.5, True, "1"]),
    ("int", [7], [False, "7"]),
    ("number", [1, 1.5, -0.25], [True, "1.5"]),
    ("float", [2.5], [False]),
    ("boolean", [True, False], [0, 1, "true"]),
    ("bool", [True], ["yes"]),
    ("date", ["2024-02-29"], ["2023-02-29", "29.02.2024", 20240229]),
    ("time", ["23:59", "23:59:59"], ["24:00", "noon"]),
    (
        "datetime",
        ["2024-01-31 12:30:00", "2024-01-31T12:30:00", "2024-01-31T12:30:00.5+02:00", "2024-01-31T12:30:00Z"],
        ["2024-01-31", "2024-13-01 00:00:00", 5],
    ),
    ("email", ["a.b@example.org"], ["a@", "@example.org", "a b@example.org", 1]),
    ("url", ["https://example.org/x?y=1"], ["example.org", "javascript:alert(1)", "ftp://example.org"]),
    ("array", [[1, "x"]], ["x", {}]),
    ("array<integer>", [[1, 2], []], [["x"], 1]),
    ("array[string]", [["x"]], [[1]]),
    ("array:boolean", [[True]], [[1]]),
    ("colour", ["red", 1, [2], {"a": 3}], []),
]


async def test_hpp_063_a_field_takes_the_values_of_its_type(pair: Open) -> None:
    await _take(pair, {name: ({"type": name}, good, bad) for name, good, bad in TYPES})


CONSTRAINTS: dict[str, tuple[dict[str, Any], list[Any], list[Any]]] = {
    "options": ({"type": "enum", "options": ["a", {"value": 1, "label": "one"}]}, ["a", 1], ["b", True, "1", ["a"]]),
    "multiple": ({"type": "enum", "options": ["a", "b"], "multiple": True}, [["a", "b"]], ["a", ["c"]]),
    "min max": ({"type": "integer", "min": 1, "max": 9}, [1, 9], [0, 10]),
    "dates": ({"type": "date", "min": "2024-01-01", "max": "2024-12-31"}, ["2024-06-01"], ["2023-12-31"]),
    "lengths": ({"type": "string", "minLength": 2, "maxLength": 3}, ["ab", "abc"], ["a", "abcd"]),
    "entries": ({"type": "array<string>", "minLength": 1, "maxLength": 2}, [["a"]], [["a", "b", "c"]]),
    "pattern": ({"type": "string", "pattern": "[A-Z]{2}[0-9]+"}, ["DE12"], ["de12", "xDE12", "DE12 "]),
    "required": ({"type": "string", "required": True}, ["x"], [None]),
    "optional": ({"type": "integer", "min": 1}, [None], []),
}


async def test_hpp_064_a_field_takes_the_values_within_its_constraints(pair: Open) -> None:
    await _take(pair, CONSTRAINTS)


async def test_hpp_065_what_a_person_types_is_taken_as_it_is(pair: Open) -> None:
    schema = [
        {"key": "age", "type": "integer", "min": 1},
        {"key": "code", "type": "string", "pattern": "[0-9]+"},
        {"key": "plan", "type": "enum", "options": ["a"]},
    ]
    peer = await pair({"mode": "form-fill", "schema": schema})
    for key, value in {"age": "fourteen", "code": "?", "plan": "z"}.items():
        assert (await peer.edit(key, value))["by"] == "user"
    context = (await peer.context())["context"]
    assert {key: record["value"] for key, record in context.items()} == {"age": "fourteen", "code": "?", "plan": "z"}


@pytest.mark.parametrize(("key", "code"), [("nobody", "unknown_field"), ("number", "read_only")])
async def test_hpp_066_unknown_and_read_only_fields_are_closed_to_both(pair: Open, key: str, code: str) -> None:
    peer = await pair()
    reply = await peer.act({key: "x"})
    assert [(one["key"], one["code"]) for one in reply["errors"]] == [(key, code)]
    refused = await peer.user("POST", "notify", {"key": key, "value": "x"})
    assert (refused.status_code, refused.json()["code"]) == (400, code)
    assert (await peer.context())["context"] == {}


async def test_hpp_067_missing_lists_the_required_fields_that_are_empty(pair: Open) -> None:
    keys = ["z", "a", "zero", "no", "text", "list", "given"]
    schema = [{"key": key, "type": "any", "required": True} for key in keys] + [{"key": "optional"}]
    values = {"zero": 0, "no": False, "text": "", "list": [], "given": "x"}
    peer = await pair({"mode": "form-fill", "schema": schema, "context": values})
    assert (await peer.context())["missing"] == ["z", "a", "text", "list"]
    assert (await peer.act({"a": "x"}))["missing"] == ["z", "text", "list"]
    await peer.edit("given", "")
    assert (await peer.context())["missing"] == ["z", "text", "list", "given"]


async def test_hpp_068_a_sensitive_value_is_for_the_person_alone(pair: Open) -> None:
    peer = await pair(FORM | {"context": {"iban": "DE-SECRET"}, "defaults": {"name": "A"}})
    for reply in (await peer.agent("GET", "context"), await peer.agent("POST", "action", {"actions": []})):
        record = reply.json()["context"]["iban"]
        assert (record["value"], record["sensitive"], record["filled"]) == (None, True, True)
        assert "DE-SECRET" not in reply.text
    assert (await peer.context(role="user"))["context"]["iban"]["value"] == "DE-SECRET"
    await peer.edit("iban", "")
    assert (await peer.context())["context"]["iban"]["filled"] is False


async def test_hpp_069_no_frame_and_no_change_shows_an_agent_a_sensitive_value(pair: Open) -> None:
    peer = await pair()
    async with peer.watch(role="agent") as agent, peer.watch() as page:
        await peer.act({"iban": "DE-AGENT"})
        await peer.edit("iban", "DE-PERSON")
        written, edited = await agent.next("action"), await agent.next("edit")
        shown = [await page.next("action"), await page.next("edit")]
    refused = await peer.agent("POST", "action", {"actions": [{"type": "set", "key": "iban", "value": "x"}]})
    diff = (await peer.agent("GET", "diff")).json()["changes"]
    assert [(one["value"], one["sensitive"]) for one in (written, edited)] == [(None, True)] * 2
    assert [(one["to"], one["sensitive"], "from" in one) for one in diff] == [(None, True, False)] * 2
    assert "DE-PERSON" not in refused.text
    assert [frame["value"] for frame in shown] == ["DE-AGENT", "DE-PERSON"]


NO_SCHEMAS: list[list[Any]] = [
    [{"type": "string"}],
    ["name"],
    [{"key": 5}],
    [{"key": "a"}, {"key": "a"}],
    [{"key": "a", "type": 5}],
    [{"key": "a", "required": "yes"}],
    [{"key": "a", "pattern": ".{0,500}"}],
    [{"key": "a", "pattern": "x" * 513}],
    [{"key": "a", "type": "integer", "min": "low"}],
    [{"key": "a", "type": "integer", "min": 2, "max": 1}],
    [{"key": "a", "minLength": -1}],
    [{"key": "a", "type": "enum", "options": "ab"}],
    [{"key": "a", "type": "enum", "options": [{}]}],
    [{"key": "__proto__"}],
]


async def test_hpp_070_a_schema_that_cannot_be_honoured_is_refused(pair: Open, conformance_url: str) -> None:
    peer = await pair()
    wrong = []
    for schema in NO_SCHEMAS:
        reply = await peer.http.post(f"{conformance_url}/session", json={"mode": "form-fill", "schema": schema})
        if (reply.status_code, reply.json().get("code")) != (400, "invalid_schema"):
            wrong.append((schema, reply.text))
    for member in ({"sensitive": True}, {"readOnly": True}, {"type": "integer"}):
        reply = await peer.http.post(f"{conformance_url}/session", json={"schema": [{"key": "a", **member}]})
        if (reply.status_code, reply.json().get("code")) != (400, "invalid_schema"):
            wrong.append((["default", member], reply.text))
    assert wrong == []


async def test_hpp_071_fill_form_is_form_fill(pair: Open) -> None:
    peer = await pair(FORM | {"mode": "fill-form"})
    reply = await peer.act({"age": "old", "nobody": 1})
    assert [one["code"] for one in reply["errors"]] == ["invalid_value", "unknown_field"]
    assert reply["missing"] == ["name"]
    assert (await peer.context())["schema"] == FORM["schema"]


async def _written(pair: Open, mode: str) -> Peer:
    """Open a session with a field for each author a value can have; the field has the author's name, and its value."""
    peer = await pair({"mode": mode, "context": {"empty": ""}, "defaults": {"default": "default"}})
    await peer.act({"ai": "ai", "user_edit": "ai"})
    for by in ("user", "user_edit"):
        await peer.edit(by, by)
    return peer


async def _take(pair: Open, fields: dict[str, tuple[dict[str, Any], list[Any], list[Any]]]) -> None:
    """Try values on a form. For each key: what its entry of the schema says, values it takes, values it does not."""
    peer = await pair({"mode": "form-fill", "schema": [{"key": key, **field} for key, (field, _, _) in fields.items()]})
    expected = [
        (key, value, code)
        for key, (_, good, bad) in fields.items()
        for values, code in ((good, "applied"), (bad, "invalid_value"))
        for value in values
    ]
    actions = [{"type": "set", "key": key, "value": value} for key, value, _ in expected]
    results = (await peer.agent("POST", "action", {"actions": actions})).json()["results"]
    told = [result.get("code", result["status"]) for result in results]
    assert [(key, value, code) for (key, value, _), code in zip(expected, told, strict=True)] == expected
