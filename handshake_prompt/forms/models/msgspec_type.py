"""Forms from `msgspec.Struct`, dataclasses, attrs classes and TypedDicts, with msgspec's constraints."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from enum import Enum, EnumType, Flag
from functools import lru_cache, partial
from types import NoneType, UnionType
from typing import Any, NotRequired, Required, Union, get_args, get_origin, get_type_hints

import msgspec

from handshake_prompt.forms.json_schema import convert

from .base import REQUIRED, Finding, Verdict
from .flags import is_flag, schema_of_flag

_PLACE = re.compile(r"^(.*?)(?: - at `(.*)`)?$", re.DOTALL)
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")
_LACK = re.compile(r"^Object missing required field `(.*)`$")
_FOREIGN = ("annotated_types", "pydantic", "pydantic_core")
_NESTED = 32


class MsgspecType:
    """A type that msgspec decodes.

    msgspec stops at the first error, so each field of an object is looked at alone until all of them are right.
    """

    has_rules = True

    def __init__(self, kind: Any) -> None:
        self._kind = kind
        self.is_native = not _has_host_code(kind)
        self.conversion = convert(_schema(kind), moments="local")

    def judge(self, document: Any) -> Verdict:
        """Return the typed value, or the first error of each field."""
        try:
            return Verdict(_decoded(document, self._kind))
        except msgspec.ValidationError as error:
            return Verdict(None, list(_fields(self._kind, document, (), _NESTED)) or [_finding(error, ())])


def _schema(kind: Any) -> dict[str, Any]:
    schema = msgspec.json.schema(kind)
    definitions = schema.get("$defs", {})
    for part in _told(kind):
        if isinstance(part, msgspec.inspect.EnumType) and is_flag(part.cls) and part.cls.__name__ in definitions:
            definitions[part.cls.__name__] = schema_of_flag(part.cls)
    return schema


def _has_host_code(kind: Any) -> bool:
    """Whether decoding a type calls functions of the host's: after an object is made, or for a value left out."""
    return any(
        _is_hooked(getattr(part, "cls", None)) or not _is_own(getattr(part, "default_factory", msgspec.NODEFAULT))
        for part in _told(kind)
    )


def _told(kind: Any) -> Iterator[Any]:
    """Yield the types and fields that a type is made of, each once, as msgspec describes them."""
    seen: dict[int, Any] = {}
    pending: list[Any] = [msgspec.inspect.type_info(kind)]
    while pending:
        part = pending.pop()
        if isinstance(part, list | tuple):
            pending += part
        elif isinstance(part, msgspec.inspect.Type | msgspec.inspect.Field) and id(part) not in seen:
            seen[id(part)] = part
            yield part
            pending += [getattr(part, name) for name in part.__struct_fields__]


def _is_hooked(kind: Any) -> bool:
    """Whether a class has code of the host's that runs when an object is made."""
    if isinstance(kind, EnumType):
        return any("_missing_" in vars(base) for base in kind.__mro__ if base not in (Enum, Flag))
    return hasattr(kind, "__post_init__") or hasattr(kind, "__attrs_attrs__")


def _is_own(factory: Any) -> bool:
    return factory is msgspec.NODEFAULT or factory in (list, dict, set, tuple, bytearray)


def _decoded(document: Any, kind: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(document), type=kind)


def _fields(kind: Any, document: Any, path: tuple[str | int, ...], levels: int) -> Iterator[Finding]:
    """Yield the faults of each part of a value, or else that of the whole."""
    found = [finding for part in _parts(kind, document, path) for finding in part(levels - 1)] if levels else []
    yield from found
    if not found:
        try:
            _decoded(document, kind)
        except msgspec.ValidationError as error:
            yield _finding(error, path)


def _parts(kind: Any, document: Any, path: tuple[str | int, ...]) -> Iterator[Callable[[int], Iterable[Finding]]]:
    """Yield the judge of each member of an object and of each object in a list."""
    plain = _plain(kind)
    if isinstance(document, list) and get_origin(plain) is list and _members(get_args(plain)[0]) is not None:
        for index, entry in enumerate(document):
            yield partial(_fields, get_args(plain)[0], entry, (*path, index))
    elif isinstance(document, dict):
        for name, (member, required) in (_members(kind) or {}).items():
            if name in document:
                yield partial(_fields, member, document[name], (*path, name))
            elif required:
                yield partial(_lack, (*path, name))


def _lack(path: tuple[str | int, ...], _levels: int) -> Iterable[Finding]:
    return [Finding(path, REQUIRED, is_lack=True)]


def _plain(kind: Any) -> Any:
    """Return a type without constraints, without None, and without whether a member is required."""
    while True:
        if hasattr(kind, "__metadata__") or get_origin(kind) in (NotRequired, Required):
            kind = get_args(kind)[0]
        elif len(inner := _without_none(kind)) == 1 and inner[0] is not kind:
            (kind,) = inner
        else:
            return kind


def _members(kind: Any) -> dict[str, tuple[Any, bool]] | None:
    """Return the types of an object's members and whether they are required, by the names they have in JSON."""
    plain = _plain(kind)
    return _members_of(plain) if isinstance(plain, type) and not get_args(plain) else None


@lru_cache(maxsize=256)
def _members_of(kind: type) -> dict[str, tuple[Any, bool]] | None:
    try:
        told = msgspec.inspect.type_info(kind)
    except (TypeError, NameError):
        return None
    hints = _hints(kind)
    fields = getattr(told, "fields", None)
    if fields is None or getattr(told, "tag", None) is not None or getattr(told, "array_like", False):
        return None
    return {field.encode_name: (_member(hints[field.name]), field.required) for field in fields if field.name in hints}


def _member(kind: Any) -> Any:
    return get_args(kind)[0] if get_origin(kind) in (NotRequired, Required) else kind


def _without_none(kind: Any) -> tuple[Any, ...]:
    is_union = get_origin(kind) in (Union, UnionType)
    return tuple(one for one in get_args(kind) if one is not NoneType) if is_union else (kind,)


def _finding(error: msgspec.ValidationError, path: tuple[str | int, ...]) -> Finding:
    found = _PLACE.match(str(error))
    text, place = found.groups() if found else (str(error), None)
    steps = [int(index) if index else name for name, index in _STEP.findall((place or "$").removeprefix("$"))]
    lack = _LACK.match(text)
    if lack:
        return Finding((*path, *steps, lack[1]), REQUIRED, is_lack=True)
    return Finding((*path, *steps), text)


def has_foreign_constraints(kind: Any) -> bool:
    """Whether a type has constraints of `annotated_types` or of Pydantic, which msgspec passes over."""
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
