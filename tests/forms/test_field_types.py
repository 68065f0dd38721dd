"""What the named types of a schema mean."""

from __future__ import annotations

from typing import Any

import pytest

from handshake_prompt.forms.field_types import LIST, TYPES, identity, kind, precedes, shown, type_of

# One row a type: what is of it, and what is not.
TYPED: dict[str, tuple[list[Any], list[Any]]] = {
    "string": (["", "a", "é"], [1, True, [], {}]),
    "integer": ([0, -5, 2**53], [1.0, True, "1", []]),
    "number": ([0, -5, 1.5], [True, "1.5", float("nan"), float("inf"), []]),
    "boolean": ([True, False], [0, 1, "true", []]),
    "enum": (["a", 1, True, [], {}], []),
    "date": (
        ["2024-02-29", "0001-01-01", "9999-12-31"],
        ["2023-02-29", "2024-13-01", "0000-01-01", "2024-1-1", "20240101", "2024-01-01 ", "٢٠٢٤-01-01", 20240101],
    ),
    "time": (
        ["00:00", "23:59", "12:30:59", "12:30:15.5", "12:30:15.123456789"],
        ["24:00", "12:60", "12:30:60", "1:30", "12:30.5", "12:30:15.", "12:30:15.1234567890", "12:30Z", 1230],
    ),
    "datetime": (
        [
            "2024-02-29T10:00",
            "2024-02-29 10:00",
            "2024-02-29T10:00+01:00",
            "2024-02-29 10:00:00",
            "2024-02-29T10:00:00",
            "2024-02-29 10:00:00.5",
            "2024-02-29T10:00:00.123456Z",
            "2024-02-29T10:00:00.123456789+02:00",
            "2024-02-29T10:00:00+02:00",
            "0001-01-01T00:00:00+23:59",
        ],
        [
            "2023-02-29 10:00:00",
            "2024-01-01 24:00:00",
            "2024-01-01 10",
            "2024-01-01T10:00.5",
            "2024-01-01  10:00:00",
            "2024-01-01t10:00:00",
            "2024-01-01 10:00:00 tomorrow",
            "2024-01-01 10:00:00\n",
            "2024-01-01T10:00:00+0200",
            "2024-01-01T10:00:00+24:00",
            "2024-01-01",
            1704103200,
        ],
    ),
    "email": (
        ["a@b.example", "a.b+c@mail.example.org", "root@localhost", "zoë@exämple.org", "a@उदाहरण.भारत", "a'b@x.y"],
        ["", "a", "@b.c", "a@", "a@b@c.d", "a b@c.d", "a@b..c", ".a@b.c", "a@-b.c", "a@b.c\n", "a" * 251 + "@b.c", 1],
    ),
    "url": (
        [
            "https://example.org",
            "http://localhost:8000/a?b=c#d",
            "https://[::1]/",
            "https://[fe80::1%25eth0]:80",
            "https://[::ffff:192.0.2.1]",
            "https://[v1.a:b]",
            "https://exämple.org/ü|{x}",
            "HTTPS://u:p@example.org:080?q",
        ],
        [
            "",
            "example.org",
            "//example.org",
            "/path",
            "javascript:alert(1)",
            "ftp://example.org",
            "https://",
            "https:///path",
            "https://example.org:99999",
            "https://example.org:0",
            "https://example.org:00000000000000000000000000",
            "https://:80",
            "https://user@",
            "https://[::1]x",
            "https://a[::1]",
            "https://[zz]",
            "https://[1:2:3:4:5:6:7]",
            "https://a\u2100b.example",
            "https://\uff0f.example",
            "https://example.org:port",
            "https://[::1",
            "https://example.org/a b",
            "https://example.org\\@other.example",
            "https://example.org/\n",
            "https://\ud800.example",
            1,
        ],
    ),
}
"""Written with one name per type; the short names are the same types."""
TYPED |= {
    "datetime-local": (
        ["2024-02-29T10:00", "2024-02-29 10:00:30.5"],
        ["2024-02-29T10:00Z", "2024-02-29T10:00:00+02:00", "2023-02-29T10:00", "2024-02-29", 1],
    ),
    "month": (["2024-02", "0001-12"], ["2024-13", "2024-00", "2024-2", "2024-02-01", "0000-01", 202402]),
    "week": (["2024-W01", "2020-W53", "9998-W01"], ["2024-W53", "2024-W00", "2024-01", "2024-W1", "2024W01", 1]),
    "color": (["#00ff00", "#ABCDEF"], ["red", "#0f0", "00ff00", "#00ff0g", "#00ff00 ", 0]),
    "range": ([0, -5, 1.5], [True, "1", []]),
    "rows": ([[], [{"a": 1}]], ["a", {}, 1, None]),
    "json": ([1, "a", [], {"a": None}, None], []),
    "file": (["photo.png", {"name": "photo.png"}], []),
}
HTML = {
    "text": "string",
    "search": "string",
    "tel": "string",
    "password": "string",
    "hidden": "string",
    "textarea": "string",
    "select": "enum",
    "select-one": "enum",
    "radio": "enum",
    "checkbox": "boolean",
}
"""Names that HTML has for types of the table."""


@pytest.mark.parametrize(("name", "meant"), HTML.items(), ids=HTML)
def test_html_names_mean_what_they_say(name: str, meant: str) -> None:
    assert type_of(name) == (TYPES[meant], False)


def test_html_has_controls_with_several_values() -> None:
    assert type_of("select-multiple") == type_of("checkbox", has_options=True) == (TYPES["enum"], True)
    assert type_of("array<datetime-local>") == (TYPES["datetime-local"], True)


@pytest.mark.parametrize("name", TYPED)
def test_a_type_accepts_its_values_and_no_others(name: str) -> None:
    good, bad = TYPED[name]
    accepts = TYPES[name].accepts
    assert [value for value in good if not accepts(value)] == []
    assert [value for value in bad if accepts(value)] == []


NAMES: dict[str, tuple[object, bool]] = {
    "str": (TYPES["string"], False),
    "int": (TYPES["integer"], False),
    "float": (TYPES["number"], False),
    "bool": (TYPES["boolean"], False),
    "array": (LIST, False),
    "array<int>": (TYPES["integer"], True),
    "array[email]": (TYPES["email"], True),
    "array:date": (TYPES["date"], True),
    "array<enum>": (TYPES["enum"], True),
    "array<int]": (LIST, False),
    "array<thing>": (LIST, False),
    "array<array<int>>": (LIST, False),
    "array<int": (LIST, False),
    "arrayish": (LIST, False),
}
"""Other names than those of the table; whether they are lists of the type."""


@pytest.mark.parametrize(("name", "meaning"), NAMES.items(), ids=NAMES)
def test_a_name_that_is_no_types_own_still_means_one(name: str, meaning: tuple[object, bool]) -> None:
    assert type_of(name) == meaning


def test_any_other_name_accepts_anything() -> None:
    unit, listed = type_of("colour-picker")
    assert not listed
    assert all(map(unit.accepts, (None, True, 1, "a", [], {})))


def test_every_type_has_a_row_in_the_table() -> None:
    assert {id(TYPES[name]) for name in TYPED} == {id(found) for found in TYPES.values()}


def test_numbers_are_the_same_by_worth_and_booleans_are_no_numbers() -> None:
    assert identity(1) == identity(1.0)
    assert len({identity(value) for value in (1, True, "1", 0, False, None, "")}) == 7


def test_moments_are_compared_as_instants_only_where_both_name_an_offset() -> None:
    point = TYPES["datetime"].point
    noon, noon_utc, noon_in_rome = map(
        point, ("2024-06-01 12:00:00", "2024-06-01T12:00:00Z", "2024-06-01T12:00:00+02:00")
    )
    assert precedes(noon_in_rome, noon_utc)
    assert not precedes(noon_in_rome, noon)
    assert not precedes(noon, noon_in_rome)
    assert precedes(point("0001-01-01T00:00:00+23:59"), point("9999-12-31T23:59:59-23:59"))


def test_what_is_shown_of_a_long_text_is_cut() -> None:
    assert shown("a" * 1000) == '"' + "a" * 60 + '…"'
    assert shown(["a" * 1000]) == '["' + "a" * 58 + "…"
    assert shown("a\u200b\u3164<") == r'"a\u200b\u3164\u003c"'
    assert shown("line\nbreak") == '"line\\nbreak"'


def test_kinds_are_told_apart_as_json_does() -> None:
    assert [kind(value) for value in (None, True, 1, 1.0, "a", [], {}, object())] == [
        "null",
        "a boolean",
        "an integer",
        "a number",
        "text",
        "a list",
        "an object",
        "something that is not JSON",
    ]
