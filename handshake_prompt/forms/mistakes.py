"""Likely mistakes in a schema and in a request, told to their author as warnings. SPEC.md section 4.

A member or a type that means nothing to the server is kept and shown, so a misspelt one has no effect in silence. Only
a name close to a known one is told: the same but for its case, one letter off, or another library's name for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from handshake_prompt.protocol.messages import CreationWarning
from handshake_prompt.texts.list_types import ARRAY, SELECT_MULTIPLE

from .entries import RULES
from .field_types import ANYTHING, BOUNDS, LIST, TYPES, ValueType, identity, shown, type_of
from .fields import Field
from .keys import joined
from .rules import FieldRules, unknown_names

MOST_WARNINGS = 20
"""In one reply; a schema with more has a mistake of one kind."""
_EXAMINED = 1000
"""Members and types that are looked up: a form written by people or a library has few that are not known."""
_ANY_LIST = frozenset({"array", "array<any>", "array[any]", "array:any"})
_SHORT, _LONG = 5, 24
"""Letters of a known name that is compared but for one of them, and of any name that is compared at all."""

KNOWN = RULES | {"key", "fields", "format", "schema", "default", "open", "computed", "lookup", "virtual"}
"""The members of a field that the server reads."""
_MEMBERS = tuple(sorted(KNOWN))
SHOWN = frozenset(
    {"label", "desc", "description", "example", "title", "help", "hint", "placeholder", "unit", "group", "autocomplete"}
)
"""Members for agents and people that are spelt in many ways by right."""
BODY = ("mode", "form", "schema", "context", "data", "defaults", "meta", "prompt", "userToken")

_CALLED_OTHERWISE = {
    "choices": "options",
    "enum": "options",
    "items": "options",
    "values": "options",
    "selectoptions": "options",
    "minimum": "min",
    "minvalue": "min",
    "maximum": "max",
    "maxvalue": "max",
    "minlen": "minLength",
    "exclusiveminimum": "exclusiveMin",
    "exclusivemaximum": "exclusiveMax",
    "multipleof": "step",
    "uniqueitems": "unique",
    "isnullable": "nullable",
    "allownull": "nullable",
    "visibleif": "showIf",
    "visiblewhen": "showIf",
    "showwhen": "showIf",
    "requiredwhen": "requiredIf",
    "minitems": "minLength",
    "minchars": "minLength",
    "maxlen": "maxLength",
    "maxitems": "maxLength",
    "maxchars": "maxLength",
    "regex": "pattern",
    "regexp": "pattern",
    "name": "key",
    "id": "key",
    "mandatory": "required",
    "isrequired": "required",
    "disabled": "readOnly",
    "isreadonly": "readOnly",
    "locked": "readOnly",
    "secret": "sensitive",
    "private": "sensitive",
    "confidential": "sensitive",
    "issensitive": "sensitive",
    "repeated": "multiple",
    "many": "multiple",
    "allowmultiple": "multiple",
    "ismultiple": "multiple",
    "lable": "label",
}
_TYPES_CALLED_OTHERWISE = {
    "dropdown": "enum",
    "checkboxes": "checkbox",
    "combobox": "enum",
    "choice": "enum",
    "choices": "enum",
    "options": "enum",
    "option": "enum",
    "multiselect": "select-multiple",
    "switch": "checkbox",
    "toggle": "checkbox",
    "decimal": "number",
    "double": "number",
    "int32": "integer",
    "int64": "integer",
    "float32": "number",
    "float64": "number",
    "slider": "range",
    "phone": "tel",
    "telephone": "tel",
    "longtext": "textarea",
    "multiline": "textarea",
    "uri": "url",
    "link": "url",
    "mail": "email",
    "timestamp": "datetime",
    "date-time": "datetime",
    "list": "array",
}
_BODY_CALLED_OTHERWISE = {"fields": "schema", "values": "context", "default": "defaults"}


def form_warnings(
    schema: Sequence[Mapping[str, Any]], fields: Iterable[Field], rules: FieldRules
) -> list[CreationWarning]:
    """Return the demands of a compiled schema that nothing comes of, and its likely mistakes."""
    unchecked: list[CreationWarning] = [
        {"key": field.key, "member": field.unchecked.member, "msg": field.unchecked.msg}
        for field in fields
        if field.unchecked is not None
    ]
    unknown: list[CreationWarning] = [
        {"key": key, "msg": f"a condition names {shown(name)}, and the form has no such field"}
        for key, name in unknown_names(rules)
    ]
    return [*unchecked, *unknown, *schema_mistakes(schema)][:MOST_WARNINGS]


def schema_mistakes(schema: Sequence[Mapping[str, Any]]) -> list[CreationWarning]:
    """Return the likely mistakes in a schema that was compiled."""
    found: list[CreationWarning] = []
    names = 0
    for path, entry in _entries(schema, ""):
        names += len(entry)
        if names > _EXAMINED or len(found) >= MOST_WARNINGS:
            break
        found += [{"key": path, **mistake} for mistake in _entry_mistakes(entry)]
    return found[:MOST_WARNINGS]


def _entries(schema: Sequence[Mapping[str, Any]], list_key: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the entries of a schema and of its rows, by key without the ids of rows."""
    for entry in schema:
        path = joined(list_key, entry["key"])
        yield path, entry
        if entry.get("type") == "rows":
            yield from _entries(entry["fields"], path)


def body_mistakes(names: Iterable[str]) -> list[CreationWarning]:
    """Return the likely mistakes among the members of a request to open a session."""
    return list(_misspelt(names, BODY, _BODY_CALLED_OTHERWISE))[:MOST_WARNINGS]


def _entry_mistakes(entry: Mapping[str, Any]) -> Iterator[CreationWarning]:
    yield from _misspelt((name for name in entry if name not in SHOWN), _MEMBERS, _CALLED_OTHERWISE)
    given = entry.get("type") or "string"
    if isinstance(given, list):
        for name in given:
            yield from _type_mistakes(name, *type_of(name))
    else:
        unit, is_list = type_of(given, has_options=bool(entry.get("options")))
        mistaken = list(_type_mistakes(given, unit, is_list=is_list))
        yield from mistaken or _option_mistakes(entry, given, unit)
        yield from _idle_members(entry, given, unit, is_list=is_list)
    if not isinstance(entry.get("autocomplete"), str | None):
        yield {"member": "autocomplete", "msg": "autocomplete is a text: its tokens have spaces between them"}
    if _repeats(entry.get("options")):
        yield {"member": "options", "msg": "two options have the same value: only one of them can be chosen"}


def _type_mistakes(name: str, unit: ValueType, is_list: bool) -> Iterator[CreationWarning]:  # noqa: FBT001
    if meant := _meant_type(name, unit, is_list=is_list):
        taken = "a list of anything" if unit is LIST else "anything"
        yield {"member": "type", "msg": f"the type {shown(name)} takes {taken}: did you mean {shown(meant)}?"}


def _option_mistakes(entry: Mapping[str, Any], name: str, unit: ValueType) -> Iterator[CreationWarning]:
    if entry.get("options") and not unit.chooses and entry.get("open") is not True:
        yield {"member": "options", "msg": f'options mean nothing for the type {shown(name)}: did you mean "enum"?'}
    elif unit.chooses and not entry.get("options") and entry.get("lookup") is not True:
        yield {"member": "options", "msg": f"the type {shown(name)} takes anything where there are no options"}


def _idle_members(entry: Mapping[str, Any], name: str, unit: ValueType, *, is_list: bool) -> Iterator[CreationWarning]:
    """Yield the members of protocol 1.1 that mean nothing for a type: a form of 1.0 may have them for its own ends."""
    many = is_list or entry.get("multiple") is True
    idle = {
        "step": not unit.constraints & BOUNDS,
        "exclusiveMin": not unit.constraints & BOUNDS,
        "exclusiveMax": not unit.constraints & BOUNDS,
        "each": not many,
        "unique": not many and unit is not LIST,
    }
    for member, is_idle in idle.items():
        if is_idle and entry.get(member) not in (None, False):
            yield {"member": member, "msg": f"{member} means nothing for the type {shown(name)}"}


def _meant_type(name: str, unit: ValueType, *, is_list: bool) -> str | None:
    """Return the type that the name of a type without a meaning is likely to stand for."""
    bare = plain(name)
    if is_list or unit not in (LIST, ANYTHING) or bare in _ANY_LIST:
        return None
    if bare.startswith(ARRAY):
        return _meant_list(name[len(ARRAY) :].strip("<>[]: "))
    if bare.endswith("[]"):
        return _meant_list(name[:-2])
    return _TYPES_CALLED_OTHERWISE.get(bare) or similar(name, (*TYPES, SELECT_MULTIPLE))


def _meant_list(entry: str) -> str | None:
    meant = entry if entry in TYPES else _TYPES_CALLED_OTHERWISE.get(plain(entry)) or similar(entry, tuple(TYPES))
    return f"{ARRAY}:{meant}" if meant in TYPES else None


def _misspelt(names: Iterable[str], known: tuple[str, ...], otherwise: Mapping[str, str]) -> Iterator[CreationWarning]:
    for name in names:
        if name in known:
            continue
        if meant := otherwise.get(plain(name)) or similar(name, known):
            yield {"member": name[:_LONG], "msg": f"{shown(name)} is not read: did you mean {shown(meant)}?"}


def _repeats(options: Any) -> bool:
    if not isinstance(options, list) or len(options) > _EXAMINED:
        return False
    values = [option.get("value") if isinstance(option, dict) else option for option in options]
    scalars = [identity(value) for value in values if isinstance(value, str | int | float)]
    return len(set(scalars)) < len(scalars)


def similar(name: str, known: tuple[str, ...]) -> str | None:
    """Return the known name that another is the same as but for its case, its hyphens, or one letter; None for none."""
    bare = plain(name)
    if len(bare) > _LONG:
        return None
    variants = _variants(known)
    if bare in variants:
        return variants[bare]
    near = (variants[shorter] for shorter in _without_one(bare) if shorter in variants)
    return next((name for name in near if len(name) >= _SHORT), None)


@lru_cache(maxsize=8)
def _variants(known: tuple[str, ...]) -> Mapping[str, str]:
    """Return each name with all its forms that lack one letter; two names that lack one each differ by one."""
    variants = {plain(name): name for name in known}
    for name in known:
        bare = plain(name)
        for shorter in _without_one(bare) if len(bare) >= _SHORT else ():
            variants.setdefault(shorter, name)
    return variants


def _without_one(text: str) -> Iterator[str]:
    return (text[:place] + text[place + 1 :] for place in range(len(text)))


def plain(name: str) -> str:
    """Return the beginning of a name without its case, blanks, hyphens and underscores."""
    return name[: _LONG + 1].strip().lower().replace("-", "").replace("_", "") if name else ""
