"""Notes on a field of a schema: its type, its bounds, its options, and the page's words about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from handshake_prompt.texts.list_types import ARRAY, is_list

from .foreign_text import name_text, value_text

OPTIONS_SHOWN = 12

_FLAGS = {"readOnly": "read only", "sensitive": "hidden from the agent"}


def notes(key: str, field: Mapping[str, Any], *, is_missing: bool) -> Iterator[str]:
    """Yield the notes on a field, the most important first.

    Args:
        key: of the field.
        field: its entry in the schema, with members of any shape.
        is_missing: whether it is required and empty.
    """
    if is_missing or field.get("required"):
        yield "missing" if is_missing else "required"
    yield from (note for name, note in _FLAGS.items() if field.get(name))
    kind = str(field.get("type") or "")
    takes_list = field.get("multiple") is True or is_list(kind, has_options=bool(field.get("options")))
    if takes_list and not kind.startswith(ARRAY):
        yield "a list of several"
    if kind:
        yield name_text(field["type"])
    yield from _bounds(field, "min", "max", "")
    yield from _bounds(field, "minLength", "maxLength", " entries" if takes_list else " characters")
    if field.get("pattern"):
        yield f"matches {value_text(field['pattern'])}"
    yield from _options(field.get("options"))
    if "example" in field:
        yield f"such as {value_text(field['example'])}"
    words = [value_text(field[name]) for name in ("label", "desc") if field.get(name) and field[name] != key]
    if words:
        yield ": ".join(words)


def _bounds(field: Mapping[str, Any], lowest: str, highest: str, unit: str) -> Iterator[str]:
    low, high = field.get(lowest), field.get(highest)
    if low is not None and high is not None:
        yield f"{value_text(low)} to {value_text(high)}{unit}"
    elif low is not None:
        yield f"at least {value_text(low)}{unit}"
    elif high is not None:
        yield f"at most {value_text(high)}{unit}"


def _options(options: object) -> Iterator[str]:
    if not isinstance(options, list) or not options:
        return
    shown = ", ".join(map(_option, options[:OPTIONS_SHOWN]))
    more = f", … ({len(options)} in all)" if len(options) > OPTIONS_SHOWN else ""
    yield f"one of {shown}{more}"


def _option(option: object) -> str:
    if not isinstance(option, Mapping) or "value" not in option:
        return value_text(option)
    label = option.get("label")
    is_told = label is None or label == option["value"]
    return value_text(option["value"]) if is_told else f"{value_text(option['value'])} ({value_text(label)})"
