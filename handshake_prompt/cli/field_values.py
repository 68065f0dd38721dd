"""Values of `--set KEY=VALUE` by the type of the field: text for text, JSON for all else."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from handshake_prompt.forms.field_types import LIST, ValueType, identity, type_of

_NO_VALUE = object()
"""Taken only by types that take everything."""


def typed_value(text: str, field: Mapping[str, Any] | None) -> Any:
    """Return the value that a text on the command line stands for.

    A field of text takes the text as it is, 007 and true included; other fields take JSON where that fits their type.
    A text that fits nothing is left to the server, and its refusal names the values that fit.

    Args:
        text: behind the equals sign.
        field: its entry in the schema; None if it has none, so that any JSON counts.
    """
    found = json_or_text(text)
    if field is None:
        return found
    name = field.get("type")
    kind, is_array = type_of(name if isinstance(name, str) else "string", has_options=bool(field.get("options")))
    if not (field.get("multiple") is True or is_array or kind is LIST):
        return _entry(text, found, field, kind)
    if isinstance(found, list) or found is None:
        return found
    return [_entry(text, found, field, kind)] if text else []


def _entry(text: str, found: Any, field: Mapping[str, Any], kind: ValueType) -> Any:
    if text == "" and not kind.accepts(text):
        return None  # clears a field of any type
    if isinstance(found, str):  # text with or without quotation marks
        return found
    options = _options(field) if kind.chooses else None
    if options:
        return found if (found is None or _is_in(found, options)) and not _is_in(text, options) else text
    is_text = kind.empty == "" and not kind.accepts(_NO_VALUE)
    return text if is_text and (found is not None or kind.accepts(text)) else found


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
