"""The form in a prompt: one line of quoted JSON for each field, within a bound. SPEC.md section 11.

For an agent without network access these lines are all of the page. The most detailed of several levels within the
bound is written; a form too large even for the barest one is cut, and the prompt says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from .quoting import code
from .row_tables import DEPTH, field_entries

FORM_BYTES = 24 * 1024
"""The text lands on a clipboard and in an agent's context."""
VALUE_CHARS = 500
KEY_CHARS = 300
"""More than a key may have: one cut short would be useless."""

_NAMES = ("key", "label", "type")
_RULES = (
    *("required", "requiredIf", "showIf", "readOnly", "computed", "by", "sensitive", "nullable", "blank"),
    *("multiple", "unique", "repeats", "min", "max", "exclusiveMin", "exclusiveMax", "step", "minLength", "maxLength"),
    *("each", "pattern", "format", "schema", "open", "lookup", "minRows", "maxRows"),
)
_HELP = ("multiline", "group", "desc", "example")
_OPTION = ("label", "group", "disabled", "exclusive", "when")


class Detail(NamedTuple):
    """How much is told of a field."""

    members: tuple[str, ...]
    options: int
    chars: int
    """Of a label, a description, an option, a condition."""
    value: int = VALUE_CHARS
    """Characters of a value."""


_LEVELS = (
    Detail((*_NAMES, *_RULES, *_HELP), options=200, chars=400),
    Detail((*_NAMES, *_RULES), options=30, chars=100),
    Detail((*_NAMES, "required", "readOnly", "by", "sensitive", "multiple", "format"), options=8, chars=40, value=200),
    Detail((*_NAMES, "required", "by"), options=3, chars=30, value=60),
    Detail((*_NAMES, "required"), options=0, chars=20, value=20),
)


class QuotedLines(NamedTuple):
    """Lines to quote, and how many more did not fit."""

    lines: list[str]
    left_out: int


def form_lines(page: Mapping[str, Any]) -> QuotedLines:
    """Return the lines of the fields and values of a page.

    Args:
        page: the members of `GET /context` for the agent, of plain JSON values.
    """
    described = {field["key"]: field for field in field_entries(page.get("schema"))}
    values, rows = page.get("context") or {}, page.get("rows") or {}
    others = [*values, *(key for key in rows if rows[key])]
    total = len(described) + sum(key not in described for key in others)
    for detail in _LEVELS:
        lines = quoted_lines(_page_facts(page, described, detail), FORM_BYTES)
        if len(lines) == total:
            break
    return QuotedLines(lines, total - len(lines))


def quoted_lines(facts: Iterable[Any], room: int) -> list[str]:
    """Quote facts on a line each, as many as fit into some bytes."""
    lines: list[str] = []
    for fact in facts:
        line = f"> {code(fact)}"
        room -= len(line.encode()) + 1
        if room < 0:
            break
        lines.append(line)
    return lines


def shorten_text(text: str, limit: int) -> str:
    """Cut a text, and mark how much of it is gone."""
    return text if len(text) <= limit else f"{text[:limit]}…(+{len(text) - limit})"


def shorten_value(value: Any, limit: int) -> Any:
    """Return a JSON value, or the beginning of its text if that is too long."""
    if isinstance(value, int | float | bool | None):
        return value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, allow_nan=False)
    return shorten_text(text, limit) if len(text) > limit else value


def _page_facts(page: Mapping[str, Any], described: Mapping[str, Any], detail: Detail) -> Iterator[dict[str, Any]]:
    records, rows = page.get("context") or {}, page.get("rows") or {}
    hidden = frozenset(page.get("hidden") or ())
    for key, field in described.items():
        told = _describe_field(field, detail)
        if key in rows:
            told["rows"] = rows[key]
        if key in hidden:
            told["shown"] = False
        yield {**told, **_describe_value(records.get(key), detail)}
    for key, record in records.items():
        if key not in described:
            yield {"key": key[:KEY_CHARS], **_describe_value(record, detail)}
    for key, row_ids in rows.items():
        if key not in described and row_ids:
            yield {"key": key[:KEY_CHARS], "rows": row_ids}


def _describe_field(field: Mapping[str, Any], detail: Detail, depth: int = DEPTH) -> dict[str, Any]:
    told = {
        name: shorten_value(field[name], detail.chars) for name in detail.members if _tells_something(field.get(name))
    }
    told["key"] = field["key"][:KEY_CHARS]
    options = field.get("options")
    if isinstance(options, list) and options:
        told["options"] = [_describe_option(option, detail) for option in options[: detail.options]]
        if len(options) > detail.options:
            told["optionsLeftOut"] = len(options) - detail.options
    columns = field_entries(field.get("fields"))
    if columns and depth:
        told["fields"] = [_describe_field(column, detail, depth - 1) for column in columns]
    return told


def _describe_option(option: Any, detail: Detail) -> Any:
    if not isinstance(option, Mapping):
        return shorten_value(option, detail.chars)
    value = shorten_value(option.get("value"), detail.chars)
    told = {name: shorten_value(option[name], detail.chars) for name in _OPTION if _tells_something(option.get(name))}
    if "label" in told and told["label"] == value:
        del told["label"]
    return {"value": value, **told} if told else value


def _describe_value(record: Mapping[str, Any] | None, detail: Detail) -> dict[str, Any]:
    if record is None or record["by"] == "empty":
        return {}
    if record.get("sensitive"):
        return {"filled": bool(record.get("filled"))}
    return {"value": shorten_value(record["value"], detail.value), "valueBy": record["by"]}


def _tells_something(fact: object) -> bool:
    return fact is not False and fact not in (None, "", [])  # 0 is a bound like any other
