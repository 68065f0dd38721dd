"""Forms from Pydantic models, and from any type that Pydantic's `TypeAdapter` takes. Pydantic 2, never required."""

from __future__ import annotations

from typing import Any

import msgspec

from handshake_prompt.forms.json_schema import convert

from .base import Finding, Verdict

_LACKS = frozenset(
    {
        "missing",
        "missing_argument",
        "missing_keyword_only_argument",
        "missing_positional_only_argument",
        "union_tag_not_found",
    }
)


class PydanticType:
    """A type that Pydantic validates: documents as JSON, by alias, as its schema says."""

    def __init__(self, kind: Any) -> None:
        from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415 - there if its models are

        self._adapter = TypeAdapter(kind)
        self._error = ValidationError
        self.conversion = convert(self._adapter.json_schema(mode="validation"), moments="local")

    def judge(self, document: Any) -> Verdict:
        """Return the typed value, or Pydantic's errors."""
        try:
            return Verdict(self._adapter.validate_json(msgspec.json.encode(document)))
        except self._error as error:
            details = error.errors(include_url=False, include_input=False)
            return Verdict(None, [_finding(detail) for detail in details])


def is_pydantic(model: Any) -> bool:
    """Whether a type is a model or a dataclass of Pydantic's, or an adapter's type with constraints of its kind."""
    return hasattr(model, "__pydantic_validator__") or hasattr(model, "__pydantic_core_schema__")


def _finding(detail: Any) -> Finding:
    path = tuple(detail["loc"])
    if detail["type"].startswith("union_tag_"):
        path = (*path, str(detail["ctx"]["discriminator"]).strip("'"))
    return Finding(path, detail["msg"], is_lack=detail["type"] in _LACKS)
