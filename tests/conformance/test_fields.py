"""SPEC.md section 5: fields of forms, when they are shown and asked for, and whose they are."""

from __future__ import annotations

from typing import Any

from tests.conformance.conftest import Open, Start
from tests.support.peer import Peer

Values = dict[str, tuple[dict[str, Any], list[Any], list[Any]]]
"""For each key: what its entry of the schema says, values it takes, values it does not."""


async def refused(pair: Open, fields: Values, code: str = "invalid_value") -> list[tuple[str, Any]]:
    """Return the keys and values that a form of these fields answers otherwise than it should."""
    peer = await pair({"mode": "form-fill", "schema": [{"key": key, **entry} for key, (entry, _, _) in fields.items()]})
    tries = [
        (key, value, expected)
        for key, (_, good, bad) in fields.items()
        for values, expected in ((good, "applied"), (bad, code))
        for value in values
    ]
    actions = [{"type": "set", "key": key, "value": value} for key, value, _ in tries]
    results = (await peer.agent("POST", "action", {"actions": actions})).json()["results"]
    return [
        (key, value)
        for (key, value, expected), result in zip(tries, results, strict=True)
        if result.get("code", result["status"]) != expected
    ]


async def codes(peer: Peer, *actions: tuple[str, Any]) -> list[str]:
    """Set fields in one batch; return the code of each refusal, `applied` for the others."""
    body = {"actions": [{"type": "set", "key": key, "value": value} for key, value in actions]}
    results = (await peer.agent("POST", "action", body)).json()["results"]
    return [result.get("code", result["status"]) for result in results]


async def opened(pair: Open, *schema: dict[str, Any], **body: Any) -> Peer:
    return await pair({"mode": "form-fill", "schema": list(schema), **body})


async def test_hpp_170_values_keep_to_steps_exclusive_bounds_and_entries(pair: Open) -> None:
    fields: Values = {
        "price": ({"type": "number", "step": 0.01}, [19.99, 0.1, 3], [1.005]),
        "pieces": ({"type": "integer", "min": 3, "step": 6}, [3, 9], [6]),
        "share": ({"type": "number", "exclusiveMin": 0, "exclusiveMax": 1}, [0.5], [0, 1]),
        "slot": ({"type": "time", "step": 900, "min": "08:00"}, ["09:15"], ["09:10"]),
        "day": ({"type": "date", "step": 7, "min": "2026-01-01"}, ["2026-01-08"], ["2026-01-09"]),
        "tags": ({"multiple": True, "unique": True, "each": {"maxLength": 2}}, [["a", "b"]], [["a", "a"], ["abc"]]),
    }
    assert await refused(pair, fields) == []


async def test_hpp_171_a_value_fits_one_of_several_types(pair: Open) -> None:
    fields: Values = {
        "size": ({"type": ["integer", "string"], "min": 5, "maxLength": 2}, [5, "XL"], [4, 1.5, "XXL", True]),
        "files": ({"type": ["string", "array<string>"]}, ["a", ["a", "b"]], [1, [1]]),
    }
    assert await refused(pair, fields) == []


async def test_hpp_172_null_is_a_value_where_it_may_be_one(pair: Open) -> None:
    entry = {"type": "integer", "required": True}
    peer = await opened(
        pair, {"key": "a", **entry, "nullable": True}, {"key": "b", **entry}, context={"a": None, "b": None}
    )
    assert (await peer.context())["missing"] == ["a", "b"]
    assert await codes(peer, ("a", None), ("b", None)) == ["applied", "invalid_value"]
    assert (await peer.context())["missing"] == ["b"]


async def test_hpp_332_an_empty_list_is_a_value_where_it_may_be_one(pair: Open) -> None:
    entry = {"type": "array<string>", "required": True}
    peer = await opened(pair, {"key": "a", **entry, "blank": True}, {"key": "b", **entry}, context={"a": [], "b": []})
    assert (await peer.context())["missing"] == ["a", "b"]
    assert await codes(peer, ("a", []), ("b", [])) == ["applied", "applied"]
    assert (await peer.context())["missing"] == ["b"]


async def test_hpp_173_text_is_of_its_format(pair: Open) -> None:
    fields: Values = {
        "month": ({"format": "month"}, ["2026-05"], ["2026-13"]),
        "week": ({"format": "week"}, ["2026-W19"], ["2026-19"]),
        "link": ({"format": "uri"}, ["mailto:a@example.com", "https://example.org/a?b#c"], ["a b", "example.org"]),
        "id": ({"format": "uuid"}, ["6ba7b810-9dad-11d1-80b4-00c04fd430c8"], ["6ba7b810"]),
        "at": ({"format": "date-time"}, ["2026-05-04T09:30:00Z"], ["2026-05-04T09:30:00", "2026-02-30T00:00:00Z"]),
        "for": ({"format": "duration"}, ["P3DT4H", "P4W"], ["3 days", "P"]),
        "host": ({"format": "hostname"}, ["a.example"], ["-a.example"]),
        "net": ({"format": "ipv4"}, ["192.0.2.1"], ["192.0.2.256"]),
        "six": ({"format": "ipv6"}, ["::1"], ["1:2"]),
        "own": ({"format": "of-my-own"}, ["anything"], []),
    }
    assert await refused(pair, fields) == []


async def test_hpp_174_json_is_what_its_schema_accepts(pair: Open) -> None:
    labels = {
        "type": "object",
        "propertyNames": {"pattern": "^[a-z]+$"},
        "additionalProperties": {"type": "string", "maxLength": 3},
        "maxProperties": 2,
    }
    fields: Values = {
        "any": ({"type": "json"}, [{"a": [1, None]}, "x"], []),
        "labels": (
            {"type": "json", "schema": labels},
            [{}, {"env": "abc"}],
            [{"Env": "a"}, {"env": "abcd"}, {"env": 5}, "env=a", {"a": "1", "b": "2", "c": "3"}],
        ),
    }
    assert await refused(pair, fields) == []


async def test_hpp_175_options_may_be_closed_and_open(pair: Open) -> None:
    used: list[Any] = ["web", "app", {"value": "none", "exclusive": True}, {"value": "old", "disabled": True}]
    some = {"value": "some", "when": {"filled": "gone"}}
    fields: Values = {
        "used": ({"type": "enum", "multiple": True, "options": used}, [["web", "app"], ["none"]], [["web", "none"]]),
        "one": ({"type": "enum", "options": [*used, some]}, ["web"], ["old", "some", "paper"]),
        "open": ({"type": "enum", "options": used, "open": True}, ["web", "paper"], [5]),
        "looked": ({"type": "enum", "options": used, "lookup": True}, ["web", "paper"], []),
    }
    assert await refused(pair, fields) == []


COLOUR = {
    "key": "colour",
    "type": "enum",
    "options": [{"value": "r", "label": "Red"}, {"value": "g", "label": "Green"}],
}


async def test_hpp_176_an_option_is_known_by_its_label_and_a_near_one_is_named(pair: Open, local: Start) -> None:
    peer = await opened(pair, COLOUR, {**COLOUR, "key": "any", "open": True})
    for text, value in {"Red": "r", "GREEN": "g", "R": "r"}.items():
        context = (await peer.act({"colour": text, "any": text}))["context"]
        assert [context[key]["value"] for key in ("colour", "any")] == [value, value]
    assert (await peer.act({"any": "reddish"}))["context"]["any"]["value"] == "reddish"
    [error] = (await peer.act({"colour": "reddish"}))["errors"]
    assert (error["code"], '"r" ("Red")' in error["msg"].rpartition("nearest")[2]) == ("invalid_value", True)
    named = await (await local(forms={"colours": {"model": [COLOUR]}})).open({"form": "colours"})
    [error] = (await named.act({"colour": "Red"}))["errors"]
    assert (error["code"], "nearest" in error["msg"]) == ("invalid_value", True)


JOB: list[dict[str, Any]] = [
    {"key": "status", "type": "enum", "options": ["employed", "student"], "required": True},
    {"key": "employer", "required": True, "showIf": {"key": "status", "in": ["employed"]}},
    {"key": "since", "showIf": {"filled": "employer"}},
    {"key": "school", "requiredIf": {"not": {"key": "status", "in": ["employed"]}}},
]


async def test_hpp_177_what_is_not_shown_is_hidden_and_kept(pair: Open) -> None:
    peer = await opened(pair, *JOB, context={"status": "student"}, defaults={"employer": "Acme"})
    context = await peer.context()
    assert (context["hidden"], context["missing"]) == (["employer", "since"], ["school"])
    assert await codes(peer, ("employer", "Other")) == ["not_shown"]
    assert (await peer.edit("since", "2020"))["by"] == "user"
    await peer.edit("status", "employed")
    context = await peer.context()
    assert "hidden" not in context
    assert {key: record["value"] for key, record in context["context"].items()} == {
        "status": "employed",
        "employer": "Acme",
        "since": "2020",
    }


async def test_hpp_178_the_order_of_a_batch_does_not_matter_to_what_is_shown(pair: Open) -> None:
    peer = await opened(pair, *JOB)
    assert await codes(peer, ("since", "2020"), ("employer", "Acme"), ("status", "employed")) == ["applied"] * 3
    peer = await opened(pair, *JOB)
    assert await codes(peer, ("since", "2020"), ("employer", "Acme"), ("status", "student")) == [
        "not_shown",
        "not_shown",
        "applied",
    ]


async def test_hpp_179_what_is_required_under_a_condition_is_missing_under_it(pair: Open) -> None:
    peer = await opened(pair, *JOB)
    for status, missing in {"student": ["school"], "employed": ["employer"]}.items():
        assert (await peer.act({"status": status}))["missing"] == missing


CONDITIONS: list[Any] = [
    1,
    {},
    {"key": "a"},
    {"key": "a", "in": 1},
    {"key": "a", "in": [[]]},
    {"key": "a", "in": list(range(501))},
    {"filled": 1},
    {"all": {}},
    {"any": [{"filled": "a"}] * 64},
    {"not": {"not": {"not": {"not": {"not": {"not": {"not": {"not": {"filled": "a"}}}}}}}}},
    {"filled": "b"},
]


async def test_hpp_180_a_condition_that_cannot_be_honoured_is_refused(pair: Open, conformance_url: str) -> None:
    peer = await pair()
    taken = []
    for condition in CONDITIONS:
        schema = [{"key": "a"}, {"key": "b", "showIf": condition}]
        reply = await peer.http.post(f"{conformance_url}/session", json={"mode": "form-fill", "schema": schema})
        if (reply.status_code, reply.json().get("code")) != (400, "invalid_schema"):
            taken.append(condition)
    assert taken == []


async def test_hpp_181_what_is_the_persons_alone_is_not_the_agents(pair: Open) -> None:
    peer = await opened(pair, {"key": "terms", "type": "boolean", "required": True, "by": "person"}, {"key": "name"})
    context = await peer.context()
    assert (context["missing"], context["missingPerson"]) == ([], ["terms"])
    assert await codes(peer, ("terms", True)) == ["person_only"]
    assert (await peer.act({"name": "A"}))["missingPerson"] == ["terms"]
    assert (await peer.edit("terms", True))["by"] == "user"
    assert "missingPerson" not in await peer.context()


async def test_hpp_182_secrets_of_a_browser_are_the_persons(pair: Open) -> None:
    tokens = ["cc-number", "billing cc-csc", "current-password", "new-password", "one-time-code"]
    schema = [{"key": token, "autocomplete": token} for token in tokens]
    peer = await opened(pair, *schema, {"key": "cc-name", "autocomplete": "cc-name", "by": "anybody"})
    assert [entry["by"] for entry in (await peer.context())["schema"]] == ["person"] * 5 + ["anybody"]
    written = [(token, "x") for token in tokens] + [("cc-name", "Ada")]
    assert await codes(peer, *written) == ["person_only"] * 5 + ["applied"]


async def test_hpp_183_a_computed_field_is_the_pages(pair: Open) -> None:
    peer = await opened(pair, {"key": "sum", "type": "number", "required": True, "readOnly": True, "computed": True})
    assert (await peer.context())["missing"] == []
    assert await codes(peer, ("sum", 1)) == ["read_only"]
    assert (await peer.edit("sum", 2))["by"] == "user"


async def test_hpp_184_a_pattern_that_is_not_for_this_server_is_the_pages(pair: Open) -> None:
    for pattern in (r"(?=.*[0-9])(?=.*[a-z]).{8,}", r"(a)\1", "(", ".{1,2000}"):
        peer = await opened(pair, {"key": "code", "pattern": pattern}, {"key": "zip", "pattern": "[0-9]{5}"})
        [warning] = peer.created["warnings"]
        assert (warning["key"], warning["member"]) == ("code", "pattern")
        assert await codes(peer, ("code", "x"), ("zip", "x")) == ["applied", "invalid_value"]


async def test_hpp_185_long_lists_of_options_fit(pair: Open) -> None:
    options = [{"value": f"zone/{number}", "label": f"{number:060}"} for number in range(900)]
    peer = await opened(pair, {"key": "zone", "type": "enum", "options": options})
    assert await codes(peer, ("zone", "zone/899"), ("zone", "zone/900")) == ["applied", "invalid_value"]


async def test_hpp_186_cells_are_guarded_as_their_list_is(pair: Open) -> None:
    fields = [{"key": "a", "required": True}]
    guards: dict[str, dict[str, Any]] = {
        "fixed": {"readOnly": True},
        "secret": {"sensitive": True},
        "theirs": {"by": "person"},
    }
    schema: list[dict[str, Any]] = [
        {"key": key, "type": "rows", "fields": fields, **members} for key, members in guards.items()
    ]
    peer = await opened(pair, *schema, defaults={key: [{"a": "x"}] for key in guards})
    context = await peer.context()
    cells = {key: f"{key}/{context['rows'][key][0]}/a" for key in context["rows"]}
    assert await codes(peer, *((cell, "y") for cell in cells.values())) == ["read_only", "applied", "person_only"]
    assert (await peer.context())["context"][cells["secret"]]["value"] is None
