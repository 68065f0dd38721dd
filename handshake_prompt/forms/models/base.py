"""The interface of models: fields from a schema, and a verdict on a document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from handshake_prompt.forms.json_schema import Conversion
from handshake_prompt.forms.schema_errors import REQUIRED, Finding

__all__ = ["REQUIRED", "Finding", "Model", "Verdict"]


class Verdict(NamedTuple):
    """A document as a model sees it: the typed value, or its faults."""

    value: Any
    findings: Sequence[Finding] = ()


class Model(Protocol):
    """A model of one kind: Pydantic's, msgspec's, a JSON Schema, a Django form, or fields by hand.

    `judge` is host code: it may wait for a database, and it may raise.
    """

    has_rules: bool
    """Whether `judge` may find a fault; else the rules of the fields are all there are."""
    is_native: bool
    """Whether `judge` runs native code and none of the host's, for a time that the document's size bounds."""

    @property
    def conversion(self) -> Conversion:
        """The model's fields."""

    def judge(self, document: Any) -> Verdict:
        """Return the model's verdict on a document."""
