"""Members that an entry of a schema implies: `by` of a secret, and the marks of a list of rows in its cells.

A card's number, a password, a code and a file are the person's, unless `by` says otherwise. A list of rows that is
read-only, sensitive or the person's is so in each cell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from handshake_prompt.texts.list_types import ARRAY

PERSON = "person"
_TYPES = frozenset({"file", "signature", "captcha"})
_SECRETS = _TYPES | {"password"}
_AUTOFILL = frozenset({"current-password", "new-password", "one-time-code"})
"""Tokens of HTML's `autocomplete` (Living Standard, section 4.10.18.7) for secrets, beside a card's `cc-*`."""
_INHERITED = ("readOnly", "sensitive", "by")
_LEVELS = 16
"""Rows within rows: no JSON within the limits nests deeper."""


def completed(entries: Sequence[Any], *, outer: Mapping[str, Any] | None = None, levels: int = _LEVELS) -> list[Any]:
    """Return a schema with the members that its entries imply.

    Args:
        entries: as a page or a converter has made them; anything else in the list stays as it is.
        outer: the list of rows that they belong to.
        levels: of rows within rows that are looked at.
    """
    return [_completed(entry, outer or {}, levels) if isinstance(entry, dict) else entry for entry in entries]


def _completed(entry: dict[str, Any], outer: Mapping[str, Any], levels: int) -> dict[str, Any]:
    implied = {name: outer[name] for name in _INHERITED if outer.get(name) and entry.get(name) is None}
    if "by" not in implied and entry.get("by") is None and _is_persons(entry):
        implied["by"] = PERSON
    if entry.get("type") == "rows" and isinstance(entry.get("fields"), list) and levels:
        own = {**entry, **implied}
        return {**own, "fields": completed(entry["fields"], outer=own, levels=levels - 1)}
    return {**entry, **implied} if implied else entry


def is_for_a_secret(entry: Mapping[str, Any]) -> bool:
    """Whether a field is for a password, a card, a code or a file, or a list of them, whatever its `by` says."""
    return _is_persons(entry) or not _SECRETS.isdisjoint(map(_lower, (*_kinds(entry), entry.get("format"))))


def _is_persons(entry: Mapping[str, Any]) -> bool:
    kinds = _kinds(entry)
    if kinds and _TYPES.issuperset(kinds):
        return True
    given = entry.get("autocomplete")
    texts = given if isinstance(given, list) else [given]
    words = " ".join(map(_lower, texts)).split()
    return any(word in _AUTOFILL or word.startswith("cc-") for word in words)


def _kinds(entry: Mapping[str, Any]) -> list[str]:
    """Return the names of a field's types, and for a list that of its entries."""
    named = entry.get("type")
    names = named if isinstance(named, list) else [named]
    return [name.removeprefix(ARRAY).strip("<>[]:") for name in names if isinstance(name, str)]


def _lower(text: object) -> str:
    return text.lower() if isinstance(text, str) else ""
