"""What a field takes, as SPEC.md section 5 says it: a model written from the document and not from the package."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import jsonschema
import re2

Entry = Mapping[str, Any]

FORMATS = jsonschema.Draft202012Validator.FORMAT_CHECKER
TEXTS = {"string", "date", "time", "datetime", "email", "url"}


def accepts(entry: Entry, value: Any) -> bool:
    """Whether an agent may write a value into a field that is shown."""
    if value is None:
        return entry.get("nullable") is True or not entry.get("required")
    kind = entry.get("type", "string")
    if kind == "json":
        return "schema" not in entry or jsonschema.Draft202012Validator(entry["schema"]).is_valid(value)
    listed = re.fullmatch(r"array<(\w+)>", kind) if isinstance(kind, str) else None
    if listed or kind == "array" or entry.get("multiple"):
        return _takes_list(entry, listed[1] if listed else kind, value)
    kinds = set(kind) if isinstance(kind, list) else {kind}
    clears = not entry.get("required") and entry.get("blank") is not False
    if clears and value == "" and kinds - {"boolean", "integer", "number"}:
        return True
    return _takes(entry, kind, value) and _fits_length(entry, value)


def _takes_list(entry: Entry, kind: Any, value: Any) -> bool:
    if not isinstance(value, list):
        return False
    if value == [] and not entry.get("required") and entry.get("blank") is not False:
        return True
    once = entry.get("unique") or ("options" in entry and not entry.get("repeats"))
    if not _fits_length(entry, value) or (once and len(set(map(repr, value))) < len(value)):
        return False
    each = entry.get("each", {})
    return kind == "array" or all(_takes(entry, kind, one) and _fits_length(each, one) for one in value)


def _takes(entry: Entry, kind: Any, value: Any) -> bool:
    kinds = kind if isinstance(kind, list) else [kind]
    if not any(_is_a(one, value) for one in kinds):
        return False
    options = [option["value"] if isinstance(option, dict) else option for option in entry.get("options", ())]
    if options and not any(_same(value, option) for option in options):
        return entry.get("open") is True and isinstance(value, str)
    return _fits_bounds(entry, value) and _fits_text(entry, value)


def _is_a(kind: str, value: Any) -> bool:
    if isinstance(value, bool):
        return kind in ("boolean", "enum")
    if value is None:  # as an entry of a list, where it is an option
        return kind == "enum"
    if isinstance(value, int | float):
        return kind in ("number", "enum") or (kind == "integer" and isinstance(value, int))
    if kind == "date":
        return isinstance(value, str) and _is_date(value)
    return isinstance(value, str) and (kind in TEXTS or kind == "enum") and (kind != "email" or "@" in value)


def _is_date(text: str) -> bool:
    try:
        return dt.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _same(one: Any, other: Any) -> bool:
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def _fits_bounds(entry: Entry, value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return True
    return bool(
        value >= entry.get("min", value)
        and value <= entry.get("max", value)
        and ("exclusiveMin" not in entry or value > entry["exclusiveMin"])
        and ("exclusiveMax" not in entry or value < entry["exclusiveMax"])
        and ("step" not in entry or _is_on_grid(value, entry.get("min", 0), entry["step"]))
    )


def _is_on_grid(value: float, base: float, step: float) -> bool:
    return not (Fraction(str(value)) - Fraction(str(base))) % Fraction(str(step))


def _fits_text(entry: Entry, value: Any) -> bool:
    if not isinstance(value, str):
        return True
    if "pattern" in entry and re2.fullmatch(entry["pattern"], value) is None:
        return False
    return "format" not in entry or _has_format(entry["format"], value)


def _has_format(name: str, text: str) -> bool:
    if name == "month":
        return _is_date(f"{text}-01")
    if name == "week":
        found = re.fullmatch("([0-9]{4})-W([0-9]{2})", text)
        last = dt.date(int(found[1]), 12, 28).isocalendar().week if found else 0  # always in the last week of its year
        return found is not None and 1 <= int(found[2]) <= last
    if name == "color":
        return re.fullmatch("#([0-9a-f]{3}|[0-9a-f]{6})|[a-z]+|rgb\\(.*\\)", text) is not None
    return bool(FORMATS.conforms(text, name))


def _fits_length(entry: Entry, value: Any) -> bool:
    if not isinstance(value, str | list):
        return True
    return bool(entry.get("minLength", 0) <= len(value) <= entry.get("maxLength", len(value)))
