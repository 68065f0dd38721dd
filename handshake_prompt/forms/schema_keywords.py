"""Keywords of JSON Schema within bounds: the keywords of the library `jsonschema`, with their steps counted.

The library's own build a message around the whole value at each fault. A keyword is written here, or charged for, where
such a message, a search or a comparison may cost much more than a step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from functools import cache
from typing import Any
from urllib.parse import quote

from .field_types import identity
from .numbers import is_multiple

FORMAT_CHARS = 2_048
"""Of a text that has a format; longer ones have none."""
REFERENCE_STEPS = 6
"""Steps of following a reference."""
_CHARS_A_STEP = 256
"""Of a message that the library has built."""
_NODES_A_STEP = 4
"""Of a value that has been compared."""

DEPTH = 120
"""Keywords within keywords, each of them some 5 calls.

Python's limit of calls is no bound: native code that meets it panics, and a panic is no `Exception`.
"""

Search = Callable[[str, str], bool]
"""Whether an expression is found in a text."""
Keyword = Callable[[Any, Any, Any, Any], Any]


class TooCostlyError(Exception):
    """A value takes too many steps to check, or keywords within too many keywords."""


class Check:
    """One check under way.

    Args:
        steps: that it may take.
        search: finds the expressions of the schema.
    """

    def __init__(self, steps: int, search: Search) -> None:
        self.left = steps
        self._depth = 0
        self.search = search

    def spend(self, steps: int) -> None:
        """Take some steps.

        Raises:
            TooCostlyError: there are not so many left.
        """
        self.left -= steps
        if self.left < 0:
            raise TooCostlyError

    def enter(self) -> None:
        """Begin with a keyword within those that are being applied.

        Raises:
            TooCostlyError: they are nested too deeply.
        """
        if self._depth == DEPTH:
            raise TooCostlyError
        self._depth += 1

    def leave(self) -> None:
        """Be done with that keyword."""
        self._depth -= 1

    def frozen(self, value: Any) -> Any:
        """Return the hashable identity of a JSON value, for steps in proportion to its size."""
        self.spend(_nodes(value) // _NODES_A_STEP)
        return frozen(value)


check_under_way: ContextVar[Check] = ContextVar("check_under_way")
"""The library hands no state from keyword to keyword."""


def frozen(value: Any) -> Any:
    """Return the hashable identity of a JSON value: 1 and 1.0 are the same, 1 and true are not."""
    if isinstance(value, dict):
        return "object", frozenset((name, frozen(member)) for name, member in value.items())
    if isinstance(value, list):
        return "array", tuple(map(frozen, value))
    return identity(value)


def _nodes(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + sum(map(_nodes, value.values()))
    return 1 + sum(map(_nodes, value)) if isinstance(value, list) else 1


def library() -> Any:
    """Return the library.

    Raises:
        ImportError: the extra `forms` is not installed.
    """
    try:
        import jsonschema  # noqa: PLC0415 - a part of the extra `forms`
    except ImportError:
        raise ImportError("JSON Schemas are checked with handshake-prompt[forms]") from None
    return jsonschema


def references() -> Any:
    """Return a registry of schemas that fetches none."""
    import referencing  # noqa: PLC0415 - comes with the library

    return referencing.Registry()


@cache
def bounded(dialect: Any) -> tuple[Any, Any]:
    """Return a draft's class of validators with every keyword counted, and its formats."""
    own = {word: keyword for word, keyword in _OWN.items() if word in dialect.VALIDATORS}
    if dialect is library().Draft3Validator:
        del own["type"], own["properties"]  # in draft 3 one takes schemas too, the other has `required`
    counted = {word: _counted(word, keyword) for word, keyword in {**dialect.VALIDATORS, **own}.items()}
    formats = library().FormatChecker(formats=())
    formats.checkers = {
        name: (_short(check), raises) for name, (check, raises) in dialect.FORMAT_CHECKER.checkers.items()
    }
    for name, plain in (("iri", "uri"), ("iri-reference", "uri-reference")):
        if plain in formats.checkers:
            check, raises = formats.checkers[plain]
            formats.checkers[name] = (_as_ascii(check), raises)
    return library().validators.extend(dialect, validators=counted), formats


def _counted(word: str, keyword: Keyword) -> Keyword:
    steps = REFERENCE_STEPS if word in ("$ref", "$dynamicRef", "$recursiveRef") else 1

    def counting(validator: Any, asked: Any, value: Any, schema: Any) -> Iterator[Any]:
        check = check_under_way.get()
        check.spend(steps)
        check.enter()
        try:
            for error in keyword(validator, asked, value, schema) or ():
                check.spend(len(error.message) // _CHARS_A_STEP)
                yield error
        finally:
            check.leave()

    return counting


def _short(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda text: not isinstance(text, str) or (len(text) <= FORMAT_CHARS and check(text))


def _as_ascii(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """Check an IRI as the URI that it stands for: the library's own grammar of IRIs takes cubic time."""
    return lambda text: not isinstance(text, str) or check(quote(text, safe="%/:?#[]@!$&'()*+,;=-._~"))


def _wrong(context: Sequence[Any] = (), *, path: Sequence[str] = ()) -> Any:
    return library().ValidationError("", context=context, path=path)


def _unless(kind: str, holds: Callable[[Any, Any], bool]) -> Keyword:
    """Return the keyword that asks something of values of one kind."""

    def keyword(validator: Any, asked: Any, value: Any, _: Any) -> Iterator[Any]:
        if validator.is_type(value, kind) and not holds(value, asked):
            yield _wrong()

    return keyword


def _type(validator: Any, kinds: Any, value: Any, schema: Any) -> Iterator[Any]:
    if value is None and schema.get("nullable") is True:  # of OpenAPI 3.0, section "Schema Object"
        return
    if not any(validator.is_type(value, kind) for kind in (kinds if isinstance(kinds, list) else [kinds])):
        yield _wrong()


def _descended(validator: Any, value: Any, schema: Any, *, place: str | int, path: str | None = None) -> Iterator[Any]:
    """Yield the errors of a schema within another; the library leaves the error of `false` without its place.

    Args:
        validator: of the schema around it.
        value: the value under the schema.
        schema: the inner one.
        place: its own in the keyword that has it.
        path: the name of the member that the value is.
    """
    for error in validator.descend(value, schema):
        error.schema_path.appendleft(place)
        if path is not None:
            error.path.appendleft(path)
        yield error


def _any_of(validator: Any, schemas: Sequence[Any], value: Any, _: Any) -> Iterator[Any]:
    context: list[Any] = []
    for index, schema in enumerate(schemas):
        errors = list(_descended(validator, value, schema, place=index))
        if not errors:
            return
        context += errors
    yield _wrong(context)


def _one_of(validator: Any, schemas: Sequence[Any], value: Any, _: Any) -> Iterator[Any]:
    context: list[Any] = []
    fitting = 0
    for index, schema in enumerate(schemas):
        errors = list(_descended(validator, value, schema, place=index))
        fitting += not errors
        context += errors
        if fitting > 1:
            break
    if fitting != 1:
        yield _wrong([] if fitting else context)


def _not(validator: Any, schema: Any, value: Any, _: Any) -> Iterator[Any]:
    if validator.evolve(schema=schema).is_valid(value):
        yield _wrong()


def _properties(validator: Any, properties: Mapping[str, Any], value: Any, _: Any) -> Iterator[Any]:
    if validator.is_type(value, "object"):
        for name, schema in properties.items():
            if name in value:
                yield from _descended(validator, value[name], schema, place=name, path=name)


def _pattern_properties(validator: Any, patterns: Mapping[str, Any], value: Any, _: Any) -> Iterator[Any]:
    if validator.is_type(value, "object"):
        for pattern, schema in patterns.items():
            for name in _matching(pattern, value):
                yield from _descended(validator, value[name], schema, place=pattern, path=name)


def _additional_properties(validator: Any, allowed: Any, value: Any, schema: Any) -> Iterator[Any]:
    if not validator.is_type(value, "object"):
        return
    known = {name for pattern in schema.get("patternProperties", {}) for name in _matching(pattern, value)}
    others = [name for name in value if name not in known and name not in schema.get("properties", {})]
    if allowed is False:
        yield from (_wrong(path=[name]) for name in others)
    elif isinstance(allowed, Mapping):
        for name in others:
            yield from _descended(validator, value[name], allowed, place=name, path=name)


def _property_names(validator: Any, names: Any, value: Any, _: Any) -> Iterator[Any]:
    if validator.is_type(value, "object"):
        of_names = validator.evolve(schema=names)
        yield from (_wrong(path=[name]) for name in value if not of_names.is_valid(name))


def _matching(pattern: str, names: Sequence[str]) -> list[str]:
    check = check_under_way.get()
    check.spend(len(names) // 4)
    return [name for name in names if check.search(pattern, name)]


def _enum(_validator: Any, options: Sequence[Any], value: Any, _: Any) -> Iterator[Any]:
    check = check_under_way.get()
    check.spend(len(options) // 8)
    if check.frozen(value) not in map(frozen, options):
        yield _wrong()


def _const(_validator: Any, option: Any, value: Any, _: Any) -> Iterator[Any]:
    if check_under_way.get().frozen(value) != frozen(option):
        yield _wrong()


def _unique_items(validator: Any, wanted: Any, value: Any, _: Any) -> Iterator[Any]:
    if wanted and validator.is_type(value, "array"):
        check = check_under_way.get()
        if len(set(map(check.frozen, value))) < len(value):
            yield _wrong()


_OWN: Mapping[str, Keyword] = {
    "type": _type,
    "anyOf": _any_of,
    "oneOf": _one_of,
    "not": _not,
    "properties": _properties,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "propertyNames": _property_names,
    "enum": _enum,
    "const": _const,
    "uniqueItems": _unique_items,
    "pattern": _unless("string", lambda text, pattern: check_under_way.get().search(pattern, text)),
    "minLength": _unless("string", lambda text, least: len(text) >= least),
    "maxLength": _unless("string", lambda text, most: len(text) <= most),
    "minItems": _unless("array", lambda entries, least: len(entries) >= least),
    "maxItems": _unless("array", lambda entries, most: len(entries) <= most),
    "minProperties": _unless("object", lambda members, least: len(members) >= least),
    "maxProperties": _unless("object", lambda members, most: len(members) <= most),
    "multipleOf": _unless("number", is_multiple),
    "divisibleBy": _unless("number", is_multiple),
}
