"""Errors of the library `jsonschema` as findings: faults of a document by place, in words that quote no value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

REQUIRED = "This is required"
_UNEVALUATED = frozenset({"unevaluatedProperties", "unevaluatedItems"})


class Finding(NamedTuple):
    """A fault of a document: its place, words that quote no value, and whether something is just not there."""

    path: tuple[str | int, ...]
    msg: str
    is_lack: bool = False


def findings_of(errors: Sequence[Any]) -> list[Finding]:
    """Return errors as findings.

    Something unevaluated is no fault beside another one there: the part of the schema that fails says nothing of it.
    """
    others = [error for error in errors if error.validator not in _UNEVALUATED]
    if len(others) == len(errors):
        return [finding for error in errors for finding in _told(error)]
    paths = [tuple(error.absolute_path) for error in others]
    faulty = {path[:depth] for path in paths for depth in range(len(path) + 1)}
    alone = [one for one in errors if one.validator in _UNEVALUATED and tuple(one.absolute_path) not in faulty]
    return [finding for error in [*others, *alone] for finding in _told(error)]


def _told(error: Any) -> Iterator[Finding]:
    path = tuple(error.absolute_path)
    word, asked, value = error.validator, error.validator_value, error.instance
    if error.context:
        yield from _none_fits(path, error)
    elif word == "required" and isinstance(asked, list):
        yield from (Finding((*path, name), REQUIRED, is_lack=True) for name in asked if name not in value)
    elif word in ("dependentRequired", "dependencies"):
        yield from _needs(path, asked, value)
    else:
        yield Finding(path, _text(word, asked))


def _needs(path: tuple[str | int, ...], asked: Mapping[str, Any], value: Mapping[str, Any]) -> Iterator[Finding]:
    for name, needs in asked.items():
        needed = needs if isinstance(needs, list) else [needs]
        for other in needed if name in value else ():
            if isinstance(other, str) and other not in value:
                yield Finding((*path, other), f"This is required together with {name}", is_lack=True)


def _none_fits(path: tuple[str | int, ...], error: Any) -> Iterator[Finding]:
    """Yield the reasons for a value to be none of several alternatives.

    One is a value that none of them has where they differ. Another is the lack of all the members that each asks for.
    Else they are the faults in view of the alternative that is meant: by a discriminator, by its members that are
    there, or as the nearest.
    """
    alternatives: dict[int, list[Any]] = {}
    for inner in error.context:
        alternatives.setdefault(inner.schema_path[0], []).append(inner)
    found = list(alternatives.values())
    told_apart = set.intersection(
        *({tuple(one.path) for one in errors if one.validator in ("const", "enum")} for errors in found)
    )
    lacks = {name for one in error.context for name in _lacking(one)}
    name = _discriminator(error)
    if name is not None and name not in error.instance:
        yield Finding((*path, name), REQUIRED, is_lack=True)
    elif told_apart:
        yield from (Finding((*path, *inner), _FIXED["enum"]) for inner in sorted(told_apart, key=str))
    elif meant := alternatives.get(_named(error, name)) or _begun(found):
        yield from (finding for one in meant for finding in _told(one))
    elif all(map(_lacking, error.context)):
        yield Finding(path, f"One of these is required: {', '.join(sorted(lacks))}")
    else:
        yield from (finding for one in _nearest(found) for finding in _told(one))


def _lacking(error: Any) -> list[str]:
    """Return the members of the value itself that an error asks for."""
    if error.validator != "required" or error.path or not isinstance(error.validator_value, list):
        return []
    return [name for name in error.validator_value if name not in error.instance]


def _discriminator(error: Any) -> str | None:
    """Return the name of the member that tells alternatives apart, where OpenAPI names one."""
    told = error.schema.get("discriminator")
    name = told.get("propertyName") if isinstance(told, Mapping) else None
    return name if isinstance(name, str) and isinstance(error.instance, Mapping) else None


def _named(error: Any, discriminator: str | None) -> int:
    """Return the number of the alternative that the value of a discriminator names, -1 for none."""
    value = error.instance[discriminator] if discriminator is not None else None
    if not isinstance(value, str):
        return -1
    mapping = error.schema["discriminator"].get("mapping")
    target = str(mapping.get(value, value) if isinstance(mapping, Mapping) else value).rpartition("/")[2]
    references = (one.get("$ref") if isinstance(one, Mapping) else None for one in error.validator_value)
    numbers = (number for number, one in enumerate(references) if str(one).rpartition("/")[2] == target)
    return next(numbers, -1)


def _begun(alternatives: Sequence[list[Any]]) -> list[Any] | None:
    """Return the errors of the alternative with the most members there, of some that lack members and no more."""
    if not all(_lacking(error) for errors in alternatives for error in errors):
        return None
    there = [len(errors[0].instance.keys() & errors[0].schema.get("properties", {}).keys()) for errors in alternatives]
    most = max(there)
    return alternatives[there.index(most)] if most and there.count(most) == 1 else None


def _nearest(alternatives: Sequence[list[Any]]) -> list[Any]:
    """Return the errors of the alternative that was most likely meant: the right kind, then the fewest errors."""

    def distance(found: list[Any]) -> tuple[bool, int]:
        return any(map(_is_of_another_kind, found)), sum(1 + (error.validator == "required") for error in found)

    return min(alternatives, key=distance)


def _is_of_another_kind(error: Any) -> bool:
    if error.validator == "type":
        return not error.path
    return error.validator in ("const", "enum") and len(error.path) <= 1


_TEXTS: Mapping[str, str] = {
    "minLength": "This has to have at least {} characters",
    "maxLength": "This may have at most {} characters",
    "minimum": "This has to be at least {}",
    "maximum": "This may be at most {}",
    "exclusiveMinimum": "This has to be more than {}",
    "exclusiveMaximum": "This has to be less than {}",
    "multipleOf": "This has to be a multiple of {}",
    "pattern": "This has to match {}",
    "format": "This has to be a valid {}",
    "minItems": "There have to be at least {} entries",
    "maxItems": "There may be at most {} entries",
    "minProperties": "There have to be at least {} members",
    "maxProperties": "There may be at most {} members",
    "minContains": "At least {} entries have to be of the kind that is asked for",
    "maxContains": "At most {} entries may be of the kind that is asked for",
}
_FIXED: Mapping[str, str] = {
    "uniqueItems": "No entry may come twice",
    "enum": "This has to be one of the values that are allowed",
    "const": "This has to be the value that is asked for",
    "contains": "An entry of the kind that is asked for is missing",
    "additionalProperties": "This member is not allowed",
    "unevaluatedProperties": "There are members that are not allowed",
    "propertyNames": "This name is not allowed",
    "oneOf": "This fits more than one of the alternatives",
    "not": "This is what it must not be",
}


def _text(word: str | None, asked: Any) -> str:
    if word is None:
        return "This is not allowed here"
    if word in _TEXTS:
        return _TEXTS[word].format(asked)
    if word == "type":
        kinds = asked if isinstance(asked, list) else [asked]
        return f"This has to be of type {' or '.join(map(str, kinds))}"
    return _FIXED.get(word, f"This does not satisfy {word}")
