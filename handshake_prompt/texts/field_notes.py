"""Notes on a field of a form: conditions, author, and the values that fit. SPEC.md section 5.

They are the same in Markdown and on a terminal, and short: an agent pays for each word. Text of the page stands in them
as quoted JSON. Members may be of any shape, since the server may be a hostile one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from .condition_words import condition_words
from .list_types import is_list
from .option_words import option_words
from .quoting import quote

Entry = Mapping[str, Any]
"""A field as it stands in a schema."""

TYPES = frozenset(
    {
        *("string", "str", "integer", "int", "number", "float", "boolean", "bool", "enum"),
        *("date", "time", "datetime", "email", "url", "text", "search", "tel", "password", "hidden", "textarea"),
        *("select", "select-one", "select-multiple", "radio", "checkbox", "range", "datetime-local", "month", "week"),
        *("color", "array", "rows", "json", "file", "signature", "captcha"),
    }
)
"""Names of types that stand without quotation marks: they are the protocol's, not the page's."""
SCHEMA_CHARS = 1000
"""Of an embedded JSON Schema; a longer one is left to the context in JSON."""

_ARRAY = re.compile(r"array[<\[:]([\w-]{1,32})[>\]]?")
_FLAGS = {
    "readOnly": "read only",
    "sensitive": "hidden from the agent",
    "nullable": "null is an answer",
    "blank": "empty is an answer",
    "unique": "no entry twice",
    "multiline": "several lines",
    "virtual": "chooses what else is asked for",
    "rest": "further members, as an object",
}


class Style(NamedTuple):
    """The way notes are written for one kind of reader."""

    span: Callable[[str], str]
    """Marks quoted text for what renders the notes."""
    options: int
    """Options to show of a field."""


def is_persons(field: Entry) -> bool:
    """Whether a field is for the person alone to fill."""
    return field.get("by") == "person"


def page_words(key: str, field: Entry) -> list[str]:
    """Return the page's words about a field, quoted; a label that repeats the key is none."""
    return [quote(field[name]) for name in ("label", "desc") if field.get(name) and field[name] != key]


def field_notes(field: Entry, style: Style, *, is_missing: bool = False) -> Iterator[str]:
    """Yield the notes on a field, the most important first.

    Args:
        field: its entry in the schema, with members of any shape.
        style: of the notes.
        is_missing: whether it is asked for and empty.
    """
    if is_missing or field.get("required"):
        yield "missing" if is_missing else "required"
    yield from _condition_notes(field, style)
    if is_persons(field):
        yield "the person's to fill"
    yield from (note for name, note in _FLAGS.items() if field.get(name) is True)
    takes_list, has_options = _takes_list(field), bool(field.get("options"))
    if takes_list:
        once = has_options and field.get("repeats") is not True
        yield f"multiple: a list{', none twice' if once else ''}"
    yield from _type_notes(field.get("type"), style)
    yield from _limit_notes(field, takes_list=takes_list, style=style)
    yield from _choice_notes(field, style)
    yield from (
        f"{word} {style.span(quote(field[name]))}"
        for name, word in (("default", "default"), ("example", "such as"))
        if field.get(name) is not None
    )


def _condition_notes(field: Entry, style: Style) -> Iterator[str]:
    for name, word in (("requiredIf", "required if"), ("showIf", "shown if")):
        if field.get(name) is not None:
            yield f"{word} {style.span(condition_words(field[name]))}"


def _takes_list(field: Entry) -> bool:
    return field.get("multiple") is True or is_list(str(field.get("type")), has_options=bool(field.get("options")))


def _type_notes(kind: object, style: Style) -> Iterator[str]:
    names = kind if isinstance(kind, list) else [kind]
    shown = [_type_name(name, style) for name in names if name]
    if shown and shown != ["array"]:
        yield " or ".join(shown)


def _type_name(name: object, style: Style) -> str:
    element = _ARRAY.fullmatch(name) if isinstance(name, str) else None
    plain = element[1] if element else name
    return plain if isinstance(plain, str) and plain in TYPES else style.span(quote(name))


def _limit_notes(field: Entry, *, takes_list: bool, style: Style) -> Iterator[str]:
    yield from _range_notes(field, ("min", "max"), "", style)
    yield from _range_notes(field, ("minLength", "maxLength"), " entries" if takes_list else " characters", style)
    yield from _range_notes(field, ("minRows", "maxRows"), " rows", style)
    for name, word in (("exclusiveMin", "more than"), ("exclusiveMax", "less than"), ("step", "in steps of")):
        if field.get(name) not in (None, "any"):
            yield f"{word} {_format_fact(field[name], style)}"
    each = field.get("each")
    if isinstance(each, Mapping):
        yield from (f"each {note}" for note in _range_notes(each, ("minLength", "maxLength"), " characters", style))
    if field.get("format"):
        yield f"format {style.span(quote(field['format']))}"
    if field.get("pattern"):
        yield f"matches {style.span(quote(field['pattern']))}"


def _range_notes(field: Entry, names: tuple[str, str], unit: str, style: Style) -> Iterator[str]:
    low, high = (field.get(name) for name in names)
    if low is not None and high is not None:
        yield f"{_format_fact(low, style)} to {_format_fact(high, style)}{unit}"
    elif low is not None:
        yield f"at least {_format_fact(low, style)}{unit}"
    elif high is not None:
        yield f"at most {_format_fact(high, style)}{unit}"


def _choice_notes(field: Entry, style: Style) -> Iterator[str]:
    options = field.get("options")
    if isinstance(options, Sequence) and not isinstance(options, str) and options:
        other = " or other text" if field.get("open") is True else ""
        yield f"one of {style.span(option_words(options, style.options))}{other}"
    if field.get("lookup") is True:
        yield "options on request"
    if field.get("schema") is not None:
        schema = quote(field["schema"])
        yield f"schema {style.span(schema)}" if len(schema) <= SCHEMA_CHARS else "schema: see the JSON"


def _format_fact(fact: object, style: Style) -> str:
    return str(fact) if type(fact) in (int, float) else style.span(quote(fact))
