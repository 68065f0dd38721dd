"""LRU cache of compiled forms: a schema is checked and compiled once for all sessions that share it."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import msgspec

from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.validation import check_schema

from .constraints import CustomType
from .fields import Field
from .form import Form
from .implied import completed
from .mistakes import form_warnings
from .rules import compile_rules
from .schema import compile_schema
from .shape import shape_of

COMPILED_FIELDS = 20_000
"""Fields kept compiled, some 1 KB each; the least recently used form makes room.

Fields, not forms: one form may be 500 times as large as another, so a number of forms would bound nothing.
"""


class FormCache(OrderedDict[bytes, Form]):
    """Compiled forms by the JSON of their schemas, within `COMPILED_FIELDS`.

    A page opens all its sessions with the same schema.
    """

    def __init__(self, limits: Limits, *, custom_type: CustomType | None = None) -> None:
        super().__init__()
        self._limits = limits
        self._custom_type = custom_type
        self._room = COMPILED_FIELDS

    def of(self, schema: list[Any]) -> Form:
        """Return the form of an untrusted schema.

        Raises:
            InvalidRequestError, TooLargeError: an entry is no acceptable JSON value.
            InvalidSchemaError: the schema cannot be honoured.
        """
        try:
            schema = completed(schema)
            schema_json = msgspec.json.encode(schema)
        except (TypeError, ValueError, RecursionError):
            check_schema(schema, self._limits)  # names the fault
            raise
        if schema_json in self:
            self.move_to_end(schema_json)
            return self[schema_json]
        check_schema(schema, self._limits)
        return self._compile(schema, schema_json)

    def __missing__(self, schema_json: bytes) -> Form:
        return self._compile(msgspec.json.decode(schema_json), schema_json)

    def _compile(self, schema: list[Any], schema_json: bytes) -> Form:
        fields = compile_schema(schema, self._limits, custom_type=self._custom_type)
        rules = compile_rules(schema)
        form = Form(
            schema_json,
            fields,
            shape=shape_of(schema),
            rules=rules,
            mistakes=tuple(form_warnings(schema, fields.values(), rules)),
            weight=_weight(fields, schema_json),
        )
        while self and self._room < form.weight:
            self._room += self.popitem(last=False)[1].weight
        self._room -= form.weight
        self[schema_json] = form
        return form


def _weight(fields: dict[str, Field], schema_json: bytes) -> int:
    """Return how many plain fields take as much memory: eight options take that of one, and 1 KB of texts too."""
    options = sum(len(field.options) for field in fields.values())
    return len(fields) + options // 8 + len(schema_json) // 1024
