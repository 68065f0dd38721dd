"""Fields made from schemas of scalars and of lists of scalars: types, bounds, formats, patterns, options.

A field never asks more than its schema does. The rest is left to the form's validator.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import ROUND_CEILING, Decimal
from typing import Any, Literal

from handshake_prompt.forms.expressions import WholePatterns
from handshake_prompt.forms.field_types import identity
from handshake_prompt.forms.numbers import carried
from handshake_prompt.protocol.values import MAX_INTEGER

from .dialect import Schema
from .view import SCALARS, RecursiveError, View, Views, both

Moments = Literal["rfc3339", "local"]
"""Times of day and moments that a validator takes: with an offset alone, or without one too."""

OPTIONS = 1_000
"""Options of a field; more are looked up."""
_STEP_DIGITS = 30
_NUMBERS = frozenset({"number", "integer"})
_FORMATS = frozenset(
    {"uri", "uri-reference", "uuid", "ipv4", "ipv6", "hostname", "duration", "month", "week", "color", "tel"}
    | {"html", "markdown", "password", "binary", "path"}
)
_TYPED = {"email": "email", "idn-email": "email", "date": "date"}
_LOCAL = {"date-time": "datetime", "time": "time"}
_LENGTHS = {"minLength": "minLength", "maxLength": "maxLength"}
_BOUNDS = {
    "minimum": "min",
    "maximum": "max",
    "exclusiveMinimum": "exclusiveMin",
    "exclusiveMaximum": "exclusiveMax",
}

Members = dict[str, Any]
"""Members of a schema's entry, without its key."""


class Leaves:
    """The fields of one conversion; their patterns are bounded together."""

    def __init__(self, views: Views, *, moments: Moments) -> None:
        self.patterns = WholePatterns()
        self._views = views
        self._moments = moments

    def scalar(self, view: View) -> Members | None:
        """Return a field for a scalar, None if no field describes it."""
        if "enum" in view.words:
            return self._enum(view)
        types = [name for name in view.words.get("type") or _implied(view) if name in SCALARS]
        if len(view.unions) == 1:
            return self._union(view)
        if not types or len(types) < len(view.words.get("type") or types):
            return None
        fields = [self._typed(name, view) for name in types]
        return fields[0] if len(fields) == 1 else _in_one(fields)

    def listed(self, view: View) -> Members | None:
        """Return a field for a list of scalars, None if its entries are something else."""
        words = view.words
        if "prefixItems" in words or "enum" in words or view.unions:
            return None
        items = words.get("items", True)
        field: Members = {"type": "array"} if items in (True, {}) else self._of_items(items, view.path)
        if not field:
            return None
        field |= whole({"minLength": words.get("minItems"), "maxLength": words.get("maxItems")})
        if words.get("uniqueItems") and "options" not in field:
            field["unique"] = True
        elif "options" in field and not words.get("uniqueItems"):
            field["repeats"] = True
        return sane(field, "minLength", "maxLength")

    def _of_items(self, items: Schema, path: frozenset[str]) -> Members:
        try:
            view = self._views.of(items, path)
        except RecursiveError:
            return {}
        entry = self.scalar(view) if self._views.kind(view) == "scalar" and not view.is_nullable else None
        if entry is None:
            return {}
        lengths = {name: entry.pop(name) for name in _LENGTHS if name in entry}
        kind = entry["type"]
        if kind == "enum" or isinstance(kind, list):
            entry["multiple"] = True
        else:
            entry["type"] = f"array<{kind}>"
        return entry | ({"each": lengths} if lengths else {})

    def _typed(self, name: str, view: View) -> Members:
        words = view.words
        if name == "boolean":
            return {"type": "boolean"}
        if name in ("integer", "number"):
            return {"type": name, **_bounds(words)}
        field: Members = {"type": "string"}
        field |= whole({name: words.get(name) for name in _LENGTHS})
        self._read_format(field, words.get("format"))
        pattern = self.patterns.of(words["pattern"]) if "pattern" in words else None
        if pattern is not None:
            field["pattern"] = pattern
        return sane(field, "minLength", "maxLength")

    def _read_format(self, field: Members, name: str | None) -> None:
        if name is None:
            return
        local = _LOCAL.get(name) if self._moments == "local" else None
        if kind := _TYPED.get(name) or local:
            field["type"] = kind
        elif name in _FORMATS or name in _LOCAL:
            field["format"] = name

    def _enum(self, view: View) -> Members | None:
        values = view.words["enum"]
        if not values or any(isinstance(value, list | dict) for value in values):
            return None
        labels = view.words.get("enumNames") or ()
        options: list[Any] = [
            {"value": value, "label": label} if isinstance(label, str) and label != value else value
            for value, label in zip(values, [*labels, *[None] * len(values)], strict=False)
        ]
        return _options(options)

    def _union(self, view: View) -> Members | None:
        base = replace(view, unions=())
        fields: list[Members] = []
        for part in view.unions[0].alternatives:
            alone = self._views.of(part, view.path)
            inner = both(alone, base)
            field = self.scalar(inner) if self._views.kind(inner) == "scalar" else None
            if field is None:
                return None
            if len(field.get("options", ())) == 1:
                field["options"] = [_titled(field["options"][0], alone)]
            fields.append(field)
        return _in_one(fields)


def _implied(view: View) -> list[str]:
    if {"minLength", "maxLength", "pattern", "format"} & view.words.keys():
        return ["string"]
    return ["number"] if _BOUNDS.keys() & view.words.keys() or "multipleOf" in view.words else []


def _titled(option: Any, view: View) -> Any:
    value = option["value"] if isinstance(option, dict) else option
    texts = {"label": view.words.get("title"), "desc": view.words.get("description")}
    told = {name: text for name, text in texts.items() if text and text != value}
    return {"value": value, **told} if told else option


def _value(option: Any) -> Any:
    return option["value"] if isinstance(option, dict) else option


def _options(options: list[Any]) -> Members:
    by_value: dict[Any, Any] = {}
    for option in options:
        by_value.setdefault(identity(_value(option)), option)
    options = list(by_value.values())
    values = list(map(_value, options))
    if {identity(value) for value in values} == {identity(True), identity(False)} and values == options:
        return {"type": "boolean"}
    return {"type": "enum", "options": options}


def _in_one(fields: Sequence[Members]) -> Members | None:
    """Return the field for the values of any of some fields."""
    fields = [part for field in fields for part in _apart(field)]
    chosen = [option for field in fields for option in field.get("options", ())]
    open_kinds = [
        {"type": "string"} if "options" in field else field
        for field in fields
        if "options" not in field or field.get("open")
    ]
    if not open_kinds:
        return _options(chosen)
    if chosen:
        is_text = all(field["type"] == "string" for field in open_kinds)
        return {"type": "enum", "options": chosen, "open": True} if is_text else None
    merged: Members = {}
    for alike in _by_kind(open_kinds):
        # What only one of several alternatives of a kind asks is asked of none.
        merged |= {
            name: value
            for name, value in alike[0].items()
            if name != "type" and all(field.get(name) == value for field in alike)
        }
    types = _types(open_kinds)
    return {**merged, "type": types[0] if len(types) == 1 else types}


def _apart(field: Members) -> list[Members]:
    """Return a field of several types as several fields."""
    return [{"type": name} for name in field["type"]] if isinstance(field["type"], list) else [field]


def _by_kind(fields: Sequence[Members]) -> list[list[Members]]:
    kinds: dict[str, list[Members]] = {}
    for field in fields:
        kind = "number" if field["type"] in _NUMBERS else "boolean" if field["type"] == "boolean" else "text"
        kinds.setdefault(kind, []).append(field)
    return list(kinds.values())


def _types(fields: Sequence[Members]) -> list[str]:
    types = list(dict.fromkeys(field["type"] for field in fields))
    if "number" in types and "integer" in types:
        types.remove("integer")
    texts = [name for name in types if name not in _NUMBERS and name != "boolean"]
    if "string" in texts:
        types = [name for name in types if name == "string" or name not in texts]
    return types


def whole(members: Mapping[str, Any]) -> Members:
    """Return the lengths that an entry may have; a bound beyond them bounds nothing."""
    return {name: int(value) for name, value in members.items() if value is not None and 0 <= value <= MAX_INTEGER}


def sane(field: Members, low: str, high: str) -> Members:
    """Leave out bounds that no value is between: the validator says so."""
    if low in field and high in field and field[low] > field[high]:
        del field[low], field[high]
    return field


def _bounds(words: Mapping[str, Any]) -> Members:
    field = {name: words[word] for word, name in _BOUNDS.items() if math.isfinite(words.get(word, math.nan))}
    step = words.get("multipleOf")
    if step is not None and 0 < step < math.inf:
        _read_step(field, step)
    return sane(field, "min", "max")


def _read_step(field: Members, step: float) -> None:
    """Set the step, and the lower bound on its grid: a form counts from there, JSON Schema from zero."""
    size = Decimal(str(step))
    low = Decimal(str(field.get("min", 0)))
    if abs(size.adjusted()) > _STEP_DIGITS or abs(low.adjusted()) > _STEP_DIGITS:
        return
    if "min" in field:
        first = (low / size).to_integral_value(ROUND_CEILING) * size
        field["min"] = carried(int(first)) if first == first.to_integral_value() else float(first)
    field["step"] = step
