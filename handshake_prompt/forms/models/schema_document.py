"""Forms from JSON Schema documents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from handshake_prompt.forms.expressions import searcher
from handshake_prompt.forms.json_schema import convert
from handshake_prompt.forms.schema_validator import SchemaValidator, TooCostlyError

from .base import Finding, Verdict


class SchemaDocument:
    """A JSON Schema of any draft; the typed value is the document.

    Raises:
        ImportError: the extra `forms` is not installed.
        ValueError: it is no JSON Schema, refers to a document that it does not have, or has a pattern that is none.
    """

    has_rules = True
    is_native = False

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._validator = SchemaValidator(schema)
        self.conversion = convert({"$schema": self._validator.draft, **schema})
        if self.conversion.unresolved:
            missing = ", ".join(sorted(self.conversion.unresolved))
            raise ValueError(f"the schema refers to {missing}, which it does not have: bundle it under $defs")
        for expression in _expressions(schema):
            searcher(expression)

    def judge(self, document: Any) -> Verdict:
        """Return the schema's verdict on a document."""
        try:
            return Verdict(document, self._validator.findings(document))
        except TooCostlyError:
            return Verdict(document, [Finding((), "This takes too long to check")])


def _expressions(schema: Any) -> Iterator[str]:
    """Yield the regular expressions in a schema."""
    pending = [schema]
    while pending:
        part = pending.pop()
        if isinstance(part, Mapping):
            expressions = [part.get("pattern"), *_names(part.get("patternProperties"))]
            yield from (expression for expression in expressions if isinstance(expression, str))
            pending += part.values()
        elif isinstance(part, list):
            pending += part


def _names(members: object) -> Iterable[str]:
    return members.keys() if isinstance(members, Mapping) else ()
