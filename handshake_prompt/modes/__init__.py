"""Application plugins: what the values of a session mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..limits import Limits
from .base import ModeHandler
from .default import DefaultHandler
from .form_fill import FormFillHandler

__all__ = ["DEFAULT_HANDLERS", "DefaultHandler", "FormFillHandler", "ModeHandler", "registry"]

_form_fill = FormFillHandler()

DEFAULT_HANDLERS: Mapping[str, ModeHandler] = {
    "default": DefaultHandler(),
    "form-fill": _form_fill,
    "fill-form": _form_fill,
}
"""The modes every engine knows. Extend it: `mode_handlers={**DEFAULT_HANDLERS, "my-mode": MyHandler()}`."""


def registry(
    handlers: Mapping[str, ModeHandler], limits: Limits, validator: Callable[[Any, str], bool] | None
) -> dict[str, ModeHandler]:
    """Return `handlers` as one engine uses them: the form handlers with its limits and validator."""
    bound = {
        id(handler): handler.bound_to(limits, validator)
        for handler in handlers.values()
        if isinstance(handler, FormFillHandler)
    }
    return {name: bound.get(id(handler), handler) for name, handler in handlers.items()}
