"""Rules of fields on one another are compiled within bounds, and never in a circle."""

from __future__ import annotations

from typing import Any

import pytest

from handshake_prompt.forms.rules import CHAIN, GROUP_PARTS, compile_rules, fields_of_a_row, unknown_names
from handshake_prompt.protocol.errors import InvalidSchemaError


@pytest.mark.parametrize(
    "entries",
    [
        [{"key": "a", "showIf": {"filled": "a"}}],
        [{"key": "a", "showIf": {"filled": "b"}}, {"key": "b", "showIf": {"not": {"filled": "a"}}}],
        [{"key": "g/a", "group": "g", "showIf": {"filled": "g"}}],
        [{"key": "l", "type": "rows", "fields": [{"key": "a", "showIf": {"filled": "a"}}]}],
    ],
)
def test_what_decides_about_itself_is_refused(entries: list[dict[str, Any]]) -> None:
    with pytest.raises(InvalidSchemaError):
        compile_rules(entries)


@pytest.mark.parametrize("backwards", [False, True])
def test_a_chain_of_conditions_is_bounded(backwards: bool) -> None:  # noqa: FBT001
    entries: list[dict[str, Any]] = [{"key": "k0"}]
    entries += [{"key": f"k{number}", "showIf": {"filled": f"k{number - 1}"}} for number in range(1, CHAIN + 2)]
    compile_rules(entries[:CHAIN])
    with pytest.raises(InvalidSchemaError):
        compile_rules(entries[::-1] if backwards else entries)


def test_the_groups_that_conditions_name_are_bounded() -> None:
    groups = ["/".join("g" * depth) for depth in range(1, 12)]
    entries: list[dict[str, Any]] = [{"key": f"{groups[-1]}/k{number}", "group": "g"} for number in range(400)]
    asking = {"key": "c", "showIf": {"any": [{"filled": group} for group in groups[:9]]}}
    assert len(entries) * 9 <= GROUP_PARTS < len(entries) * 11
    compile_rules([*entries, asking])
    with pytest.raises(InvalidSchemaError, match="the groups in the form's conditions"):
        compile_rules([*entries, {"key": "c", "requiredIf": {"any": [{"filled": group} for group in groups]}}])


def test_what_is_looked_at_for_a_row_is_known() -> None:
    inner = [{"key": "a/b"}, {"key": "a/c"}, {"key": "d", "showIf": {"any": [{"filled": "a"}, {"filled": "e"}]}}]
    entries: list[dict[str, Any]] = [
        *({"key": f"k{number}", "showIf": {"filled": "e"}} for number in range(9)),
        {"key": "e"},
        {"key": "rows", "type": "rows", "fields": [{"key": "one"}, {"key": "more", "type": "rows", "fields": inner}]},
    ]
    assert fields_of_a_row(compile_rules(entries)) == len(inner) + 2 + 2
    assert fields_of_a_row(compile_rules(entries[:10])) == 0


def test_names_that_are_nowhere_are_known() -> None:
    entries: list[dict[str, Any]] = [
        {"key": "a", "showIf": {"filled": "gone"}},
        {"key": "home/b", "requiredIf": {"any": [{"filled": "home"}, {"key": "a", "in": [1]}]}},
        {"key": "l", "type": "rows", "fields": [{"key": "c", "showIf": {"all": [{"filled": "a"}, {"filled": "d"}]}}]},
    ]
    assert list(unknown_names(compile_rules(entries))) == [("a", "gone"), ("l/c", "d")]


def test_sixteen_groups_around_a_field_are_known() -> None:
    groups = ["/".join("g" * depth) for depth in range(1, 20)]
    assert [*compile_rules([{"key": "/".join("g" * 20)}]).groups] == groups[:16]
