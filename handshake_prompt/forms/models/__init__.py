"""Forms made from a host's own models, each kind with its own validator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .base import Finding, Model, Verdict
from .by_hand import FieldList
from .django_form import DjangoForm, is_django_form
from .msgspec_type import MsgspecType, has_foreign_constraints
from .pydantic_type import PydanticType, is_pydantic
from .schema_document import SchemaDocument

__all__ = ["Finding", "Model", "Verdict", "model_of"]


def model_of(source: Any) -> Model:
    """Return the model of a form's source.

    Args:
        source: a Pydantic model, a dataclass, a TypedDict, an attrs class, a `msgspec.Struct`, a JSON Schema document,
            a Django form class, or a list of fields.

    Raises:
        ImportError: its validator is not installed.
        TypeError: it is none of these.
        ValueError: it is a JSON Schema that cannot be honoured.
    """
    if isinstance(source, Mapping):
        return SchemaDocument(source)
    if isinstance(source, Sequence) and not isinstance(source, str | bytes):
        return FieldList(source)
    return DjangoForm(source) if is_django_form(source) else _of_type(source)


def _of_type(source: Any) -> Model:
    if source is None:
        raise TypeError("a form is made from a model, a schema or a list of fields, not from None")
    if is_pydantic(source):
        return _by_pydantic(source)
    if has_foreign_constraints(source):
        return _by_pydantic(source, "it has constraints of annotated_types or of Pydantic")
    try:
        return MsgspecType(source)
    except (TypeError, NameError) as error:
        return _by_pydantic(source, str(error))


def _by_pydantic(source: Any, reason: str = "") -> Model:
    """Return the model of a type that Pydantic takes; `reason` says why msgspec does not take it."""
    reason = reason and f"{reason}; "
    try:
        return PydanticType(source)
    except ImportError:
        raise TypeError(f"no form can be made from {source!r}: {reason}with Pydantic installed it may be") from None
    except Exception as error:
        if type(error).__module__.partition(".")[0] != "pydantic" and not isinstance(error, TypeError | NameError):
            raise
        raise TypeError(f"no form can be made from {source!r}: {reason}{error}") from None
