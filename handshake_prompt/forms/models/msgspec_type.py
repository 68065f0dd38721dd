"""Forms from `msgspec.Struct`, dataclasses, attrs classes and TypedDicts, with msgspec's constraints."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, get_args, get_origin, get_type_hints

import msgspec

from handshake_prompt.forms.json_schema import convert

from .base import Finding, Verdict

_PLACE = re.compile(r"^(.*?)(?: - at `(.*)`)?$", re.DOTALL)
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")
_LACK = re.compile(r"^Object missing required field `(.*)`$")
_FOREIGN = ("annotated_types", "pydantic", "pydantic_core")
_NESTED = 32


class MsgspecType:
    """A type that msgspec decodes.

    msgspec stops at the first error, so each field of an object is looked at alone until all of them are right.
    """

    def __init__(self, kind: Any) -> None:
        self._kind = kind
        self.conversion = convert(msgspec.json.schema(kind), moments="local")

    def judge(self, document: Any) -> Verdict:
        """Return the typed value, or the first error of each field."""
        try:
            return Verdict(_decoded(document, self._kind))
        except msgspec.ValidationError as error:
            found = list(_fields(self._kind, document, (), _NESTED))
            return Verdict(None, found or [_finding(error, ())])


def _decoded(document: Any, kind: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(document), type=kind)


def _fields(kind: Any, document: Any, path: tuple[str | int, ...], levels: int) -> Iterator[Finding]:
    """Yield what is wrong with each field of an object, and with each object in a list or in an object."""
    item = _item(kind) if isinstance(document, list) and levels else None
    members = _members(kind) if isinstance(document, dict) and levels else None
    if item is not None:
        for index, entry in enumerate(document):
            yield from _fields(item, entry, (*path, index), levels - 1)
    elif members is not None:
        for name, (member, required) in members.items():
            if name in document:
                yield from _fields(member, document[name], (*path, name), levels - 1)
            elif required:
                yield Finding((*path, name), "This is required", is_lack=True)
    else:
        try:
            _decoded(document, kind)
        except msgspec.ValidationError as error:
            yield _finding(error, path)


def _item(kind: Any) -> Any:
    """Return the type of the objects in a list, None for other types."""
    kinds = _without_none(kind)
    if len(kinds) != 1 or get_origin(kinds[0]) is not list or _members(get_args(kinds[0])[0]) is None:
        return None
    return get_args(kinds[0])[0]


def _members(kind: Any) -> dict[str, tuple[Any, bool]] | None:
    """Return the types of an object's members and whether they are required, by the names they have in JSON."""
    (plain,) = _without_none(kind) if len(_without_none(kind)) == 1 else (None,)
    origin = get_origin(plain) or plain
    if not isinstance(origin, type) or get_args(plain):
        return None
    try:
        told = msgspec.inspect.type_info(origin)
    except (TypeError, NameError):
        return None
    hints = _hints(origin)
    fields = getattr(told, "fields", None)
    if fields is None or getattr(told, "tag", None) is not None or getattr(told, "array_like", False):
        return None
    return {field.encode_name: (hints[field.name], field.required) for field in fields if field.name in hints}


def _without_none(kind: Any) -> tuple[Any, ...]:
    origin = get_origin(kind)
    is_union = origin is not None and getattr(origin, "__name__", "") in ("Union", "UnionType")
    return tuple(one for one in get_args(kind) if one is not type(None)) if is_union else (kind,)


def _finding(error: msgspec.ValidationError, path: tuple[str | int, ...]) -> Finding:
    found = _PLACE.match(str(error))
    text, place = found.groups() if found else (str(error), None)
    steps = [int(index) if index else name for name, index in _STEP.findall((place or "$").removeprefix("$"))]
    lack = _LACK.match(text)
    if lack:
        return Finding((*path, *steps, lack[1]), "This is required", is_lack=True)
    return Finding((*path, *steps), text)


def has_foreign_constraints(kind: Any) -> bool:
    """Whether a type has constraints that msgspec passes over: those of `annotated_types` and of Pydantic."""
    seen: list[Any] = []
    pending = [kind]
    while pending:
        one = pending.pop()
        if any(one is other for other in seen):
            continue
        seen.append(one)
        if any(type(constraint).__module__.partition(".")[0] in _FOREIGN for constraint in _metadata(one)):
            return True
        pending += get_args(one)
        pending += _hints(one).values() if isinstance(one, type) else ()
    return False


def _metadata(kind: Any) -> tuple[Any, ...]:
    return getattr(kind, "__metadata__", ())


def _hints(kind: type) -> dict[str, Any]:
    try:
        return get_type_hints(kind, include_extras=True)
    except (TypeError, NameError):
        return {}
