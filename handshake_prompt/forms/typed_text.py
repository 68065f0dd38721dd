"""Values that texts stand for, by the type of the field: text for text, JSON for all else."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any

from handshake_prompt.forms.field_types import BOOLEAN, COLOR, LIST, SECONDS, TYPES, ValueType, identity, type_of
from handshake_prompt.texts.answers.answer import Loose
from handshake_prompt.texts.row_tables import field_entries, is_rows

_COMMA = re.compile("[,;，、；]")
_HTML_NUMBER = re.compile(r"-?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?", re.ASCII)
_TRUTHS = {"true": True, "false": False}
"""In any case: programs in Python and spreadsheets have capitals."""
_NO_VALUE = object()
"""Taken only by types that take everything."""


def field_of(schema: object, key: str) -> Mapping[str, Any] | None:
    """Return the entry of a field, or of a cell such as `lines/r3/amount`; None if the schema has none."""
    for field in field_entries(schema):
        if field["key"] == key:
            return field
        _, _, cell = key.removeprefix(f"{field['key']}/").partition("/")
        if is_rows(field) and key.startswith(f"{field['key']}/") and cell:
            return field_of(field.get("fields"), cell)
    return None


def typed(value: Any, field: Mapping[str, Any] | None) -> Any:
    """Return a value of an answer with its texts of lines as `typed_value`; a list's entry by entry."""
    if isinstance(value, Loose):
        return typed_value(str(value), field)
    if not isinstance(value, list) or field is None:
        return value
    if any(isinstance(one, Loose) for one in value):
        kinds, _ = _types(field)
        value[:] = [
            _entry(str(one), json_or_text(one), field, kinds) if isinstance(one, Loose) else one for one in value
        ]
    return value


def typed_value(text: str, field: Mapping[str, Any] | None) -> Any:
    """Return the value that a text stands for, such as one on a command line.

    A field of text takes the text as it is, 007 and true included; other fields take JSON where that fits their type,
    one of several options takes them between commas, and one that takes null takes the word null for it. A text that
    fits nothing is left to the server, and its refusal names the values that fit.

    Args:
        text: as it was written.
        field: its entry in the schema; None if it has none, so that any JSON counts.
    """
    found = json_or_text(text)
    if field is None or (found is None and field.get("nullable") is True):
        return found
    kinds, is_list = _types(field)
    if not is_list:
        return _entry(text, found, field, kinds)
    if isinstance(found, list) or found is None:
        return found
    if (chosen := _chosen(text, field)) is not None:
        return chosen
    return [_entry(text, found, field, kinds)] if text else []


def takes(value: object, field: Mapping[str, Any]) -> bool:
    """Whether a field of one value is of a type that takes this one, as it does not take everything."""
    kinds, is_list = _types(field)
    plain = [kind for kind in kinds if not kind.chooses and not kind.accepts(_NO_VALUE)]
    return not is_list and any(kind.accepts(value) for kind in plain)


def html_number(text: str) -> float | None:
    """Return the number of a control for numbers, which may begin with zeros or a point (HTML 2.3.4.3); None if none.

    Raises:
        ValueError: it is beyond all numbers.
    """
    if _HTML_NUMBER.fullmatch(text) is None:
        return None
    digits = text.removeprefix("-").lstrip("0")
    number: float = strict_json("-" * text.startswith("-") + "0" * (not digits[:1].isdigit()) + digits)
    return number


def is_same_in_control(text: str, held: str, field: Mapping[str, Any]) -> bool:
    """Whether a control shows a text for the one held: browsers leave out seconds of zero, and the `Z` of UTC.

    They write colours in lower case. The time of another offset is not known by its reading of the clock.
    """
    kinds = _types(field)[0]
    if kinds == [COLOR]:
        return text.lower() == held.lower()
    times = [kind for kind in kinds if kind.step == SECONDS]
    if field.get("format") == "date-time":
        times.append(TYPES["datetime"])
    return any(kind.accepts(text) and _reads_as(kind.point(text), kind.point(held)) for kind in times)


def _reads_as(point: time | datetime, held: time | datetime | None) -> bool:
    """Whether a time, or a moment, is the one held; without an offset it is that of a clock that shows UTC."""
    if isinstance(held, datetime) and point.tzinfo is None and held.utcoffset() == timedelta(0):
        return point == held.replace(tzinfo=None)
    return point == held


def _chosen(text: str, field: Mapping[str, Any]) -> list[str] | None:
    """Return the options that a text lists, such as `S, M`; None if it lists none, or is one itself."""
    listed = field.get("options")
    options = (
        [one if isinstance(one, Mapping) else {"value": one} for one in listed] if isinstance(listed, list) else []
    )
    names = {name for one in options for name in (one.get("value"), one.get("label")) if isinstance(name, str)}
    parts = [part.strip() for part in _COMMA.split(text)]
    return parts if len(parts) > 1 and text not in names and names.issuperset(parts) else None


def _types(field: Mapping[str, Any]) -> tuple[Sequence[ValueType], bool]:
    """Return the types of which a value, or each entry of a list, fits one; and whether values are lists."""
    named = field.get("type")
    names = [name for name in (named if isinstance(named, list) else [named]) if isinstance(name, str)] or ["string"]
    types = [type_of(name, has_options=bool(field.get("options"))) for name in names]
    is_list = field.get("multiple") is True or (len(types) == 1 and (types[0][1] or types[0][0] is LIST))
    return [kind for kind, _ in types], is_list


def _entry(text: str, found: Any, field: Mapping[str, Any], kinds: Sequence[ValueType]) -> Any:
    if text == "" and not any(kind.accepts(text) for kind in kinds):
        return None  # clears a field of any type
    if BOOLEAN in kinds and text.lower() in _TRUTHS and not any(kind.accepts(text) for kind in kinds):
        return _TRUTHS[text.lower()]
    if isinstance(found, str):  # text with or without quotation marks
        return found
    options = _options(field) if any(kind.chooses for kind in kinds) else None
    if options:
        return found if (found is None or _is_in(found, options)) and not _is_in(text, options) else text
    if len(kinds) > 1 and any(kind.accepts(found) for kind in kinds):
        return found
    is_text = any(kind.empty == "" and not kind.accepts(_NO_VALUE) for kind in kinds)
    return text if is_text and (found is not None or any(kind.accepts(text) for kind in kinds)) else found


def _is_in(value: Any, options: set[tuple[bool, object]]) -> bool:
    return isinstance(value, str | int | float) and identity(value) in options


def _options(field: Mapping[str, Any]) -> set[tuple[bool, object]]:
    listed = field.get("options")
    values = [
        option.get("value") if isinstance(option, Mapping) else option
        for option in (listed if isinstance(listed, list) else [])
    ]
    return {identity(value) for value in values if isinstance(value, str | int | float)}


def json_or_text(text: str) -> Any:
    """Return the JSON value of a text, or the text itself if it is no JSON."""
    try:
        return strict_json(text)
    except (ValueError, RecursionError):
        return text


def strict_json(text: str) -> Any:
    """Return the JSON value of a text.

    Raises:
        ValueError: it is no JSON; NaN, the infinities and numbers beyond a double's are none.
        RecursionError: it is nested too deeply.
    """

    def refuse(name: str) -> None:
        raise ValueError(f"{name} is not JSON")

    def finite(number: str) -> float:
        if math.isinf(found := float(number)):
            raise ValueError(f"{number} is beyond all numbers")
        return found

    return json.loads(text, parse_constant=refuse, parse_float=finite)
