"""Validator of JSON Schema within bounds: the library `jsonschema`, its steps counted, texts matched in linear time.

It agrees with the library but in three places: decimal numbers are multiples as people count (19.99 is one of 0.01),
texts are matched as ECMA-262 says (`$` is the end), and no reference is fetched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from functools import cache
from types import ModuleType
from typing import Any, NamedTuple
from urllib.parse import quote

from .expressions import MatchTimeoutError, searcher
from .field_types import identity
from .numbers import is_multiple

STEPS = 100_000
"""Keywords applied to one document: half a second."""
FORMAT_CHARS = 2_048
"""Of a text that has a format; longer ones have none."""

REFERENCE_STEPS = 6
"""Steps of following a reference."""

REQUIRED = "This is required"

Search = Callable[[str, str], bool]
"""Whether an expression is found in a text."""
Keyword = Callable[[Any, Any, Any, Any], Any]


class TooCostlyError(Exception):
    """A value takes too many steps to check."""


class Check:
    """One check under way.

    Args:
        steps: that it may take.
        search: finds the expressions of the schema.
    """

    def __init__(self, steps: int, search: Search) -> None:
        self._steps = steps
        self.search = search

    def spend(self, steps: int) -> None:
        """Take some steps.

        Raises:
            TooCostlyError: there are not so many left.
        """
        self._steps -= steps
        if self._steps < 0:
            raise TooCostlyError


_check: ContextVar[Check] = ContextVar("check")
"""The check under way: the library hands no state from keyword to keyword."""


class Finding(NamedTuple):
    """A fault of a document: its place, words that quote no value, and whether something is just not there."""

    path: tuple[str | int, ...]
    msg: str
    is_lack: bool = False


class SchemaValidator:
    """Checks documents against a JSON Schema of any draft.

    Args:
        schema: the document. References to other documents are not followed.
        steps: keywords that may be applied to one value.
        is_sound: whether it is known to be a JSON Schema.

    Raises:
        ImportError: the extra `forms` is not installed.
        ValueError: it is no JSON Schema.
    """

    def __init__(self, schema: Mapping[str, Any], *, steps: int = STEPS, is_sound: bool = False) -> None:
        library = _library()
        dialect = library.validators.validator_for(schema, default=library.Draft202012Validator)
        if not is_sound:
            _refuse_unsound(dialect, schema)
        # A schema that names its draft would be checked by the library's own class for it.
        plain = {word: value for word, value in schema.items() if word != "$schema"}
        bounded, formats = _bounded(dialect)
        self._validator = bounded(plain, format_checker=formats, registry=_referencing().Registry())
        self._steps = steps

    def findings(self, value: Any, *, search: Search | None = None) -> list[Finding]:
        """Return the faults of a value.

        Args:
            value: any JSON value.
            search: finds the expressions of the schema, in place of `expressions.searcher`.

        Raises:
            TooCostlyError: it takes too long to tell.
        """
        token = _check.set(Check(self._steps, search or (lambda expression, text: searcher(expression)(text))))
        try:
            return [finding for error in self._validator.iter_errors(value) for finding in _told(error)]
        except (RecursionError, MatchTimeoutError):
            raise TooCostlyError from None
        finally:
            _check.reset(token)


def _refuse_unsound(dialect: Any, schema: Mapping[str, Any]) -> None:
    try:
        dialect.check_schema(schema)
    except _library().SchemaError as error:
        raise ValueError(f"not a JSON Schema: {error.message} at {error.json_path}") from None
    except RecursionError:
        raise ValueError("not a JSON Schema that can be checked: it nests too deep") from None


def _library() -> Any:
    try:
        import jsonschema  # noqa: PLC0415 - a part of the extra `forms`
    except ImportError:
        raise ImportError("JSON Schemas are checked with handshake-prompt[forms]") from None
    return jsonschema


def _referencing() -> ModuleType:
    import referencing  # noqa: PLC0415 - comes with jsonschema

    return referencing


# The library's keywords, within bounds


@cache
def _bounded(dialect: Any) -> tuple[Any, Any]:
    """Return a draft's class of validators with every keyword counted, and its formats."""
    library = _library()
    own = {**dialect.VALIDATORS, **{word: keyword for word, keyword in _OWN.items() if word in dialect.VALIDATORS}}
    counted = {
        word: _counted(keyword, REFERENCE_STEPS if word.endswith("Ref") or word == "$ref" else 1)
        for word, keyword in own.items()
    }
    formats = library.FormatChecker(formats=())
    formats.checkers = {
        name: (_short(check), raises) for name, (check, raises) in dialect.FORMAT_CHECKER.checkers.items()
    }
    for name, plain in (("iri", "uri"), ("iri-reference", "uri-reference")):
        if name in formats.checkers and plain in formats.checkers:
            check, raises = formats.checkers[plain]
            formats.checkers[name] = (_as_ascii(check), raises)
    return library.validators.extend(dialect, validators=counted), formats


def _counted(keyword: Keyword, steps: int) -> Keyword:
    def counting(validator: Any, word: Any, value: Any, schema: Any) -> Iterator[Any]:
        _check.get().spend(steps)
        yield from keyword(validator, word, value, schema) or ()

    return counting


def _short(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda text: not isinstance(text, str) or (len(text) <= FORMAT_CHARS and check(text))


def _as_ascii(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """Check an IRI as the URI that it stands for: the library's own grammar of IRIs takes cubic time."""
    return lambda text: not isinstance(text, str) or check(quote(text, safe="%/:?#[]@!$&'()*+,;=-._~"))


def _wrong() -> Any:
    return _library().ValidationError("")


def _pattern(validator: Any, pattern: str, value: Any, _: Any) -> Iterator[Any]:
    if validator.is_type(value, "string") and not _check.get().search(pattern, value):
        yield _wrong()


def _pattern_properties(validator: Any, patterns: Mapping[str, Any], value: Any, _: Any) -> Iterator[Any]:
    if validator.is_type(value, "object"):
        for pattern, schema in patterns.items():
            for name in _matching(pattern, value):
                yield from validator.descend(value[name], schema, path=name, schema_path=pattern)


def _additional_properties(validator: Any, allowed: Any, value: Any, schema: Any) -> Iterator[Any]:
    if not validator.is_type(value, "object"):
        return
    known = {name for pattern in schema.get("patternProperties", {}) for name in _matching(pattern, value)}
    others = [name for name in value if name not in known and name not in schema.get("properties", {})]
    if allowed is False and others:
        yield _wrong()
    elif isinstance(allowed, Mapping):
        for name in others:
            yield from validator.descend(value[name], allowed, path=name)


def _matching(pattern: str, names: Sequence[str]) -> list[str]:
    check = _check.get()
    check.spend(len(names) // 4)
    return [name for name in names if check.search(pattern, name)]


def _enum(_validator: Any, options: Sequence[Any], value: Any, _: Any) -> Iterator[Any]:
    _check.get().spend(len(options) // 8)
    if frozen(value) not in map(frozen, options):
        yield _wrong()


def _const(_validator: Any, option: Any, value: Any, _: Any) -> Iterator[Any]:
    if frozen(value) != frozen(option):
        yield _wrong()


def _unique_items(validator: Any, wanted: Any, value: Any, _: Any) -> Iterator[Any]:
    if wanted and validator.is_type(value, "array") and len(set(map(frozen, value))) < len(value):
        yield _wrong()


def _multiple_of(validator: Any, step: float, value: Any, _: Any) -> Iterator[Any]:
    if validator.is_type(value, "number") and not is_multiple(value, step):
        yield _wrong()


_OWN: Mapping[str, Keyword] = {
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "enum": _enum,
    "const": _const,
    "uniqueItems": _unique_items,
    "multipleOf": _multiple_of,
    "divisibleBy": _multiple_of,
}


def frozen(value: Any) -> Any:
    """Return the hashable identity of a JSON value: 1 and 1.0 are the same, 1 and true are not."""
    if isinstance(value, dict):
        return "object", frozenset((name, frozen(member)) for name, member in value.items())
    if isinstance(value, list):
        return "array", tuple(map(frozen, value))
    return identity(value)


# The library's errors, in words


def _told(error: Any) -> Iterator[Finding]:
    path = tuple(error.absolute_path)
    word, asked, value = error.validator, error.validator_value, error.instance
    if error.context:
        yield from _none_fits(path, error.context)
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


def _none_fits(path: tuple[str | int, ...], errors: Sequence[Any]) -> Iterator[Finding]:
    """Yield the reasons for a value to be none of several alternatives.

    One is a value that none of them has where they differ. Another is the lack of all the members that each asks for.
    Else they are the faults in view of the nearest alternative.
    """
    alternatives: dict[Any, list[Any]] = {}
    for error in errors:
        alternatives.setdefault(error.schema_path[0], []).append(error)
    told_apart = set.intersection(
        *(
            {tuple(error.path) for error in found if error.validator in ("const", "enum")}
            for found in alternatives.values()
        )
    )
    if told_apart:
        yield from (Finding((*path, *inner), _FIXED["enum"]) for inner in sorted(told_apart, key=str))
    elif all(error.validator == "required" and not error.path for error in errors):
        lacks = {name for error in errors for name in error.validator_value if name not in error.instance}
        yield Finding(path, f"One of these is required: {', '.join(sorted(lacks))}")
    else:
        for error in _nearest(list(alternatives.values())):
            yield from _told(error)


def _nearest(alternatives: Sequence[list[Any]]) -> list[Any]:
    """Return the errors of the alternative that was most likely meant: the right kind, then the fewest errors."""

    def distance(found: list[Any]) -> tuple[bool, int]:
        other = any(error.validator in ("type", "const", "enum") and len(error.path) <= 1 for error in found)
        return other, sum(1 + (error.validator == "required") for error in found)

    return min(alternatives, key=distance)


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
    "additionalProperties": "There are members that are not allowed",
    "unevaluatedProperties": "There are members that are not allowed",
    "propertyNames": "A member has a name that is not allowed",
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
