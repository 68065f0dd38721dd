"""Modes: plugins that give the values of a session their meaning."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from handshake_prompt.forms.entries import RULES
from handshake_prompt.forms.form import Form
from handshake_prompt.forms.mistakes import plain
from handshake_prompt.protocol.errors import InvalidSchemaError, UnknownModeError
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.messages import CreationWarning
from handshake_prompt.session import Session
from handshake_prompt.session.row_returns import RowForm

from .base import ModeHandler
from .default import DefaultHandler
from .form_fill import FormFillHandler

__all__ = ["DEFAULT_HANDLERS", "DefaultHandler", "FormFillHandler", "ModeHandler", "Modes"]

_form_fill = FormFillHandler()
_PROTECTIVE = frozenset({"sensitive", "readonly"})

DEFAULT_HANDLERS: Mapping[str, ModeHandler] = {
    "default": DefaultHandler(),
    "form-fill": _form_fill,
    "fill-form": _form_fill,
}
"""The modes every engine knows. Extend it: `mode_handlers={**DEFAULT_HANDLERS, "my-mode": MyHandler()}`."""


class Modes:
    """The modes of one engine.

    Args:
        handlers: the modes by name.
        limits: the bounds of schemas and values.
        validator: the host's check of types, in place of the form modes' own.
        strict: refuse unregistered modes.

    Raises:
        ValueError: there is no `default` among them.
    """

    def __init__(
        self,
        handlers: Mapping[str, ModeHandler],
        limits: Limits,
        *,
        validator: Callable[[Any, str], bool] | None = None,
        strict: bool = False,
    ) -> None:
        if "default" not in handlers:
            raise ValueError("mode_handlers needs a 'default': start from {**DEFAULT_HANDLERS, ...}")
        forms = {
            id(form): form.bound_to(limits, validator)
            for form in handlers.values()
            if isinstance(form, FormFillHandler)
        }
        self._handlers = {name: forms.get(id(handler), handler) for name, handler in handlers.items()}
        self._strict = strict

    def named(self, mode: str, schema: Sequence[Any] | None = None) -> ModeHandler:
        """Return the mode a new session asks for; an unregistered one is `default`, unless it brings a schema.

        Raises:
            UnknownModeError: only a registered mode could honour the request.
            InvalidSchemaError: the schema asks for something, and the mode does not honour a schema.
        """
        if mode not in self._handlers and (self._strict or schema):
            raise UnknownModeError(f"No such mode. This server has: {', '.join(sorted(self._handlers))}")
        handler = self._handlers.get(mode, self._handlers["default"])
        if schema and not getattr(handler, "honours_schema", False):  # a mode is any object with the methods
            _refuse_rules(schema)
        return handler

    def compiled(self, mode: str, schema: Sequence[Any]) -> Form | None:
        """Return a schema of the host's as a mode plays it, None if a mode of the host's keeps that to itself.

        Raises:
            UnknownModeError: there is no such mode, or it honours no schema.
            HandshakeError: it cannot honour this one.
        """
        handler = self._handlers.get(mode)
        if not getattr(handler, "honours_schema", False):
            raise UnknownModeError(f"mode_handlers needs a {mode!r} that honours a schema: see DEFAULT_HANDLERS")
        compile_form = getattr(handler, "compiled", None)
        form: Form | None = compile_form(schema) if compile_form else None
        return form

    def mistakes(self, session: Session) -> Sequence[CreationWarning]:
        """Return the warnings for the author of a new session's schema."""
        told = getattr(self.of(session), "mistakes", None)
        found: Sequence[CreationWarning] = told(session) if told else ()
        return found

    def form_of(self, session: Session) -> RowForm | None:
        """Return the form of a session with rows, None where its mode has none."""
        told = getattr(self.of(session), "form_of", None)
        form: RowForm | None = told(session) if told else None
        return form

    def of(self, session: Session) -> ModeHandler:
        """Return the mode of a session."""
        return self._handlers.get(session.mode, self._handlers["default"])


def _refuse_rules(schema: Sequence[Any]) -> None:
    """Refuse a schema that asks for more than to be shown.

    A protective member is found in any case of its letters, and at any depth: nobody writes it in vain.

    Raises:
        InvalidSchemaError: naming the first member that nothing would come of.
    """
    for index, entry in enumerate(schema):
        rules = RULES & entry.keys() if isinstance(entry, dict) else frozenset()
        asked = [name for name in rules if _asks(entry[name])] or list(_protective(entry))
        if asked:
            raise InvalidSchemaError(
                f"schema[{index}]: {asked[0]} would have no effect, since this mode does not honour a schema: "
                "use form-fill"
            )


def _protective(entry: Any) -> Iterator[str]:
    """Yield the names of members that would protect a value, at any depth; the body was found to have not too many."""
    unread = [entry]
    while unread:
        part = unread.pop()
        if isinstance(part, dict):
            yield from (name for name, value in part.items() if _asks(value) and plain(name) in _PROTECTIVE)
        if isinstance(part, dict | list):
            unread += part.values() if isinstance(part, dict) else part


def _asks(value: Any) -> bool:
    return value is not None and value is not False
