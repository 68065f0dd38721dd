"""Compiled fields take what the specification says, as a model written from it alone has it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from hypothesis import HealthCheck, example, given, note, settings, strategies as st

from handshake_prompt.forms.cache import FormCache
from handshake_prompt.forms.form_model import FormModel
from handshake_prompt.forms.keys import joined
from handshake_prompt.forms.schema import compile_schema
from handshake_prompt.protocol.limits import Limits
from tests.support.field_language import Entry, accepts
from tests.support.json_schemas import documents, object_schemas, scalars

LIMITS = Limits()
SLOW = [HealthCheck.filter_too_much, HealthCheck.too_slow]


# Any entry and any value

TEXTS = {
    "date": ("2026-05-04", "2024-02-29", "2026-02-29", "2026-5-4"),
    "uuid": ("6ba7b810-9dad-11d1-80b4-00c04fd430c8", "6ba7b810", "6ba7b810-9dad-11d1-80b4-00c04fd430cg"),
    "ipv4": ("192.0.2.1", "192.0.2.256", "1.2.3"),
    "ipv6": ("::1", "2001:db8::192.0.2.1", "1:2", "fe80::1%eth0"),
    "hostname": ("a.example", "a.example.", "-a", "a_b"),
    "uri": ("urn:isbn:1", "https://[::1]:80/a?b=c#d", "a b", "/a", "x:", "a://b c"),
    "uri-reference": ("/a?b", "", "#c", "a:b", "//[::2]", "%zz", "a b"),
    "date-time": ("2026-05-04T09:30:00Z", "2026-05-04t09:30:00.5+02:00", "2026-05-04T09:30:00", "2026-02-30T00:00:00Z"),
    "time": ("09:30:00Z", "09:30:00.25-01:00", "09:30:00", "24:00:00Z"),
    "duration": ("P3DT4H", "P4W", "PT0.5S", "P", "PT", "P1", "1D"),
    "email": ("a@example.com", "a"),
    "month": ("2026-05", "2026-13"),
    "week": ("2026-W53", "2025-W53"),
    "color": ("#aabbcc", "#ab", "rgb(1 2 3)"),
    "tel": ("anything",),
}
texts = st.sampled_from(sorted({text for listed in TEXTS.values() for text in listed} | {"", "a", "ab", "abc", "A1"}))
numbers = st.one_of(st.integers(-4, 12), st.sampled_from((0.5, 0.1, 0.3, 1.005, 19.99, -0.07, 2.5)))
values = st.one_of(texts, numbers, scalars)
lists = st.lists(values, max_size=4)
KINDS = ("string", "integer", "number", "boolean", "date", "email", "enum")
schemas = st.sampled_from(
    [{}, {"type": "object"}, {"type": ["string", "null"], "maxLength": 2}, {"additionalProperties": {"minimum": 3}}]
)


@st.composite
def entries(draw: st.DrawFn) -> dict[str, Any]:
    """Return an entry that a form may have, with a key `k`."""
    shape = draw(st.sampled_from(("json", "several", "one", "one", "one")))
    entry: dict[str, Any] = {"key": "k"}
    flags = draw(st.sets(st.sampled_from(("required", "nullable", "unique", "repeats", "open"))))
    entry.update(dict.fromkeys(flags, True))
    if draw(st.booleans()):
        entry["blank"] = False
    if shape == "json":
        return entry | {"type": "json"} | ({"schema": draw(schemas)} if draw(st.booleans()) else {})
    if shape == "several":
        entry["type"] = draw(st.lists(st.sampled_from(KINDS[:5]), min_size=2, max_size=3, unique=True))
    else:
        entry["type"] = draw(st.sampled_from(KINDS))
    kinds = {entry["type"]} if isinstance(entry["type"], str) else {*entry["type"]}
    if "enum" in kinds:
        entry["options"] = draw(st.lists(values, min_size=1, max_size=4))
    elif draw(st.booleans()):
        entry |= draw(constraints(kinds))
    if draw(st.booleans()):
        entry |= {"multiple": True} if isinstance(entry["type"], list) or draw(st.booleans()) else _as_list(entry)
        entry |= draw(
            st.sampled_from(({}, {"minLength": 1}, {"maxLength": 2}, {"each": {"minLength": 1, "maxLength": 2}}))
        )
    return entry


def _as_list(entry: Entry) -> dict[str, Any]:
    return {"type": f"array<{entry['type']}>"}


@st.composite
def constraints(draw: st.DrawFn, kinds: set[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if kinds & {"integer", "number"}:
        if draw(st.booleans()):
            found["min"] = draw(st.integers(-2, 3))
        found |= draw(st.sampled_from(({}, {"max": 7}, {"exclusiveMax": 7}, {"exclusiveMin": 0})))
        found |= draw(st.sampled_from(({}, {"step": 0.01}, {"step": 3}, {"step": 0.5})))
    if kinds & {"string", "date", "email"}:
        found |= draw(st.sampled_from(({}, {"pattern": "[a-z]+"}, {"minLength": 2}, {"maxLength": 3})))
    if "string" in kinds and draw(st.booleans()):
        found["format"] = draw(st.sampled_from(sorted(TEXTS)))
    return found


@given(entry=entries(), value=st.one_of(values, lists, st.dictionaries(st.sampled_from("ab"), values, max_size=2)))
@example(entry={"key": "k", "type": "number", "step": 0.01}, value=19.99)
@example(entry={"key": "k", "type": "array<enum>", "options": [None]}, value=[None])
@settings(suppress_health_check=SLOW)
def test_a_field_takes_what_the_specification_says(entry: Entry, value: Any) -> None:
    field = compile_schema([entry], LIMITS)["k"]
    assert (field.check(value) is None) == accepts(entry, value)


# Any form that was made from a JSON Schema


def leaves(fields: Sequence[Entry], list_key: str = "") -> Iterator[tuple[str, Entry]]:
    for entry in fields:
        key = joined(list_key, entry["key"])
        if entry["type"] == "rows":
            yield from leaves(entry["fields"], key)
        else:
            yield key, entry


@given(st.data())
@settings(suppress_health_check=SLOW)
def test_a_form_of_a_json_schema_is_honoured_and_its_fields_are_what_they_say(data: st.DataObject) -> None:
    schema = data.draw(object_schemas())
    model = FormModel("any", schema)
    note(model.fields)
    form = FormCache(LIMITS).of(model.fields)
    for key, entry in leaves(model.fields):
        value = data.draw(st.one_of(values, lists, documents(schema)))
        assert (form.fields[key].check(value) is None) == accepts(entry, value), (entry, value)
