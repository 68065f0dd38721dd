"""Validator of JSON Schema within bounds: the library `jsonschema`, its steps counted, texts matched in linear time.

It agrees with the library but in three places: decimal numbers are multiples as people count (19.99 is one of 0.01),
texts are matched as ECMA-262 says (`$` is the end), and no reference is fetched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from .expressions import MatchTimeoutError, UnknownExpressionError, searcher
from .schema_keywords import Check, Search, TooCostlyError, bounded, check_under_way, library, references

__all__ = ["REQUIRED", "STEPS", "Finding", "SchemaValidator", "Search", "TooCostlyError"]

STEPS = 100_000
"""Keywords applied to one document: half a second."""
REQUIRED = "This is required"


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
        dialect = library().validators.validator_for(schema, default=library().Draft202012Validator)
        if not is_sound:
            _refuse_unsound(dialect, schema)
        # A schema that names its draft would be checked by the library's own class for it.
        plain = {word: value for word, value in schema.items() if word != "$schema"}
        validators, formats = bounded(dialect)
        self._validator = validators(plain, format_checker=formats, registry=references())
        self._steps = steps

    def findings(
        self, value: Any, *, search: Search | None = None, spend: Callable[[int], None] | None = None
    ) -> list[Finding]:
        """Return the faults of a value.

        Args:
            value: any JSON value.
            search: finds the expressions of the schema, in place of `expressions.searcher`.
            spend: is told how many steps it took.

        Raises:
            TooCostlyError: it takes too long to tell.
        """
        check = Check(self._steps, search or (lambda expression, text: searcher(expression)(text)))
        token = check_under_way.set(check)
        try:
            return [finding for error in self._validator.iter_errors(value) for finding in _told(error)]
        except (RecursionError, MatchTimeoutError):
            raise TooCostlyError from None
        finally:
            check_under_way.reset(token)
            if spend is not None:
                spend(self._steps - max(0, check.left))


def _refuse_unsound(dialect: Any, schema: Mapping[str, Any]) -> None:
    formats = library().FormatChecker(formats=())  # a name such as `Page<Item>` in a reference is no mistake
    formats.checks("regex", raises=UnknownExpressionError)(_is_expression)
    try:
        dialect.check_schema(schema, format_checker=formats)
    except library().SchemaError as error:
        raise ValueError(f"not a JSON Schema: {error.message} at {error.json_path}") from None
    except RecursionError:
        raise ValueError("not a JSON Schema that can be checked: it nests too deep") from None


def _is_expression(expression: object) -> bool:
    """Whether an expression is one that can be searched for: the library knows those of Python alone."""
    return not isinstance(expression, str) or bool(searcher(expression))


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
