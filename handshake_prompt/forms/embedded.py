"""Check of a value of type `json`: its embedded JSON Schema, within bounds that hold while a session is locked."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import msgspec

from handshake_prompt.protocol.errors import InvalidSchemaError

from .budget import Budget
from .expressions import WholePatterns
from .json_schema.dialect import canonical
from .json_schema.embed import embedded
from .patterns import MATCH_STEPS
from .schema_keywords import library
from .schema_validator import SchemaValidator, TooCostlyError

EMBEDDED_BYTES = 8 * 1024
"""Of a schema as a page sends it: an entry has 32 KiB in all."""
FORM_BYTES = 8 * EMBEDDED_BYTES
"""Of all such schemas of a form: compiling them takes some 20 ms."""
STEPS = 1_500
"""Keywords applied to one value: some 20 ms at worst."""
_BUDGETED = 30
"""Steps of a batch's budget that a keyword counts as."""


def load_library() -> None:
    """Import the library of the check, if it is installed, ahead of the first session: that may take a second."""
    with suppress(ImportError):
        library()


class EmbeddedSchema:
    """The compiled schema of one field.

    Args:
        schema: as a page sent it. Malformed keywords, and patterns beyond RE2, are not read.
        patterns: of the form's other schemas, to be bounded with its own.

    Raises:
        InvalidSchemaError: it is no object, too large, or refers to another document.
    """

    def __init__(self, schema: object, *, patterns: WholePatterns | None = None) -> None:
        if not isinstance(schema, Mapping):
            raise InvalidSchemaError("the schema of a json field is an object")
        if len(msgspec.json.encode(schema)) > EMBEDDED_BYTES:
            raise InvalidSchemaError(f"the schema of a json field has at most {EMBEDDED_BYTES} bytes")
        schemas = canonical(schema)
        if schemas.unresolved:
            raise InvalidSchemaError("the schema of a json field refers to itself alone: put the rest under $defs")
        self._patterns = patterns or WholePatterns()
        plain = embedded(schemas.root, schemas, self._patterns, most=EMBEDDED_BYTES)
        try:
            self._validator: SchemaValidator | None = SchemaValidator(plain, steps=STEPS, is_sound=True)
        except ImportError:
            self._validator = None

    @property
    def is_checked(self) -> bool:
        """Whether values are checked: not without the extra `forms`."""
        return self._validator is not None

    def check(self, value: Any, budget: Budget | None = None) -> str | None:
        """Return the fault of a value in words, None without one.

        Raises:
            TooLargeError: the budget is spent.
        """
        if self._validator is None:
            return None
        try:
            findings = self._validator.findings(
                value,
                search=_Matching(self._patterns).search,
                spend=(lambda steps: budget.spend(_BUDGETED * steps)) if budget is not None else None,
            )
        except TooCostlyError:
            return "a value that takes too long to check"
        if not findings:
            return None
        path, msg, _ = findings[0]
        return f"a value of which {'/'.join(map(str, path)) or 'the whole'} does not fit: {msg}"


class EmbeddedSchemas:
    """The embedded schemas of one form, bounded together; equal ones are one."""

    def __init__(self) -> None:
        self._patterns = WholePatterns()
        self._known: dict[bytes, EmbeddedSchema] = {}
        self._room = FORM_BYTES

    def of(self, schema: object) -> EmbeddedSchema:
        """Return a compiled schema.

        Raises:
            InvalidSchemaError: see `EmbeddedSchema`; or the form's schemas are too large in all.
        """
        text = msgspec.json.encode(schema)
        if text not in self._known:
            self._room -= len(text)
            if self._room < 0:
                raise InvalidSchemaError(f"the schemas of json fields have at most {FORM_BYTES} bytes in all")
            self._known[text] = EmbeddedSchema(schema, patterns=self._patterns)
        return self._known[text]


class _Matching:
    """The matching of one value, which costs no more than that of a field with a pattern."""

    def __init__(self, patterns: WholePatterns) -> None:
        self._patterns = patterns
        self._room = MATCH_STEPS

    def search(self, expression: str, text: str) -> bool:
        pattern = self._patterns.compiled(expression)
        if pattern is None:  # no schema here has one
            return True
        self._room -= pattern.cost(text)
        if self._room < 0:
            raise TooCostlyError
        return pattern.check(text) is None
