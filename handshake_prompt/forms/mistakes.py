"""Likely mistakes in a schema and in a request, told to their author as warnings. SPEC.md section 4.

A member or a type that means nothing to the server is kept and shown, so a misspelt one has no effect in silence. Only
what looks like a known name is told: the same but for its case, one letter off, or what other libraries call it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from handshake_prompt.protocol.messages import CreationWarning

from .field_types import TYPES, identity, shown, type_of
from .schema import RULES

MOST_WARNINGS = 20
"""In one reply; a schema with more has a mistake of one kind."""
_EXAMINED = 1000
"""Members and types that are looked up: a form written by people or a library has few that are not known."""
_SHORT, _LONG = 5, 24
"""Letters of a known name that is compared but for one of them, and of any name that is compared at all."""

KNOWN = RULES | {"key"}
"""The members of a field that the server reads."""
SHOWN = frozenset(
    {"label", "desc", "description", "example", "title", "help", "hint", "placeholder", "unit", "group", "autocomplete"}
)
"""Members for agents and people that are spelt in many ways by right."""
BODY = ("mode", "schema", "context", "data", "defaults", "meta", "prompt", "userToken")

_CALLED_OTHERWISE = {
    "choices": "options",
    "enum": "options",
    "items": "options",
    "minimum": "min",
    "maximum": "max",
    "regex": "pattern",
    "regexp": "pattern",
    "name": "key",
    "id": "key",
    "mandatory": "required",
    "disabled": "readOnly",
    "secret": "sensitive",
    "private": "sensitive",
    "repeated": "multiple",
    "many": "multiple",
}
_TYPES_CALLED_OTHERWISE = {
    "dropdown": "enum",
    "checkboxes": "checkbox",
    "combobox": "enum",
    "choice": "enum",
    "decimal": "number",
    "double": "number",
    "uri": "url",
    "link": "url",
    "mail": "email",
    "timestamp": "datetime",
    "date-time": "datetime",
    "list": "array",
}
_BODY_CALLED_OTHERWISE = {"fields": "schema", "form": "schema", "values": "context", "default": "defaults"}


def schema_mistakes(schema: Sequence[Mapping[str, Any]]) -> list[CreationWarning]:
    """Return the likely mistakes in a schema that was compiled."""
    found: list[CreationWarning] = []
    names = 0
    for entry in schema:
        names += len(entry)
        if names > _EXAMINED or len(found) >= MOST_WARNINGS:
            break
        found += [{"key": entry["key"], **mistake} for mistake in _entry_mistakes(entry)]
    return found[:MOST_WARNINGS]


def body_mistakes(names: Iterable[str]) -> list[CreationWarning]:
    """Return the likely mistakes among the members of a request to open a session."""
    return list(_misspelt(names, BODY, _BODY_CALLED_OTHERWISE))[:MOST_WARNINGS]


def _entry_mistakes(entry: Mapping[str, Any]) -> Iterator[CreationWarning]:
    yield from _misspelt((name for name in entry if name not in SHOWN), tuple(sorted(KNOWN)), _CALLED_OTHERWISE)
    name = entry.get("type") or "string"
    if name not in TYPES and type_of(name)[0] is type_of("")[0]:
        meant = _TYPES_CALLED_OTHERWISE.get(_plain(name)) or similar(name, tuple(TYPES))
        if meant:
            yield {"member": "type", "msg": f"the type {shown(name)} takes anything: did you mean {shown(meant)}?"}
    if _repeats(entry.get("options")):
        yield {"member": "options", "msg": "two options have the same value: only one of them can be chosen"}


def _misspelt(names: Iterable[str], known: tuple[str, ...], otherwise: Mapping[str, str]) -> Iterator[CreationWarning]:
    for name in names:
        if name in known:
            continue
        if meant := otherwise.get(_plain(name)) or similar(name, known):
            yield {"member": name[:_LONG], "msg": f"{shown(name)} is not read: did you mean {shown(meant)}?"}


def _repeats(options: Any) -> bool:
    if not isinstance(options, list) or len(options) > _EXAMINED:
        return False
    values = [option.get("value") if isinstance(option, dict) else option for option in options]
    scalars = [identity(value) for value in values if isinstance(value, str | int | float)]
    return len(set(scalars)) < len(scalars)


def similar(name: str, known: tuple[str, ...]) -> str | None:
    """Return the known name that another is the same as but for its case, its hyphens, or one letter; None for none."""
    plain = _plain(name)
    if len(plain) > _LONG:
        return None
    variants = _variants(known)
    if plain in variants:
        return variants[plain]
    near = (variants[shorter] for shorter in _without_one(plain) if shorter in variants)
    return next((name for name in near if len(name) >= _SHORT), None)


@lru_cache(maxsize=8)
def _variants(known: tuple[str, ...]) -> Mapping[str, str]:
    """Return each name with all its forms that lack one letter; two names that lack one each differ by one."""
    variants = {_plain(name): name for name in known}
    for name in known:
        plain = _plain(name)
        for shorter in _without_one(plain) if len(plain) >= _SHORT else ():
            variants.setdefault(shorter, name)
    return variants


def _without_one(text: str) -> Iterator[str]:
    return (text[:place] + text[place + 1 :] for place in range(len(text)))


def _plain(name: str) -> str:
    return name[: _LONG + 1].lower().replace("-", "").replace("_", "") if name else ""
