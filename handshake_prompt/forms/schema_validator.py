"""Validator of JSON Schema within bounds: the library `jsonschema`, its steps counted, texts matched in linear time.

It agrees with the library but in four places: decimal numbers are multiples as people count (19.99 is one of 0.01),
texts are matched as ECMA-262 says (`$` is the end), null is a value where OpenAPI 3.0 says `nullable`, and no reference
is fetched.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .expressions import MatchTimeoutError, UnknownExpressionError, searcher
from .schema_errors import Finding, findings_of
from .schema_keywords import Check, Search, TooCostlyError, bounded, check_under_way, library, references

__all__ = ["STEPS", "Finding", "SchemaValidator", "Search", "TooCostlyError"]

_DRAFTS = ("Draft202012Validator", "Draft7Validator", "Draft4Validator")
"""Of a schema that names none: lists of `items`, and bounds that are true, have been written up to draft 7 and 4."""
STEPS = 100_000
"""Keywords applied to one document: half a second."""


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
        drafts = _drafts_of(schema)
        dialect = drafts[0] if is_sound else _sound_draft(drafts, schema)
        self.draft: str = dialect.META_SCHEMA.get("$schema", "")
        """The address of the draft that the schema is read as."""
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
            return findings_of(list(self._validator.iter_errors(value)))
        except (RecursionError, MatchTimeoutError):
            raise TooCostlyError from None
        finally:
            check_under_way.reset(token)
            if spend is not None:
                spend(self._steps - max(0, check.left))


def _drafts_of(schema: Mapping[str, Any]) -> Sequence[Any]:
    """Return the draft that a schema names; of one that names none, those it may be meant in, the newest first."""
    named = library().validators.validator_for(schema, default=None)
    return [named] if named else [getattr(library(), name) for name in _DRAFTS]


def _sound_draft(drafts: Sequence[Any], schema: Mapping[str, Any]) -> Any:
    """Return the first draft that a schema is sound in.

    Raises:
        ValueError: it is sound in none; the first one's fault is told.
    """
    faults = []
    for dialect in drafts:
        try:
            _refuse_unsound(dialect, schema)
        except ValueError as fault:
            faults.append(fault)
        else:
            return dialect
    raise faults[0]


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
