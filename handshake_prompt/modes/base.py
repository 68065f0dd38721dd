"""Interface of a mode: the meaning one kind of session gives to its values.

A mode is pure. It changes the working copy of a session that it is given, through `session.write`, and nothing else:
under optimistic concurrency the copy may be dropped and the transition run again. Side effects belong in hooks.
The author of a write is fixed by the request's credential; a mode cannot choose it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from handshake_prompt.protocol.bodies import Action, CreateRequest, Place
from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.errors import InvalidRequestError
from handshake_prompt.protocol.messages import CreationWarning, Outcome
from handshake_prompt.session import Session
from handshake_prompt.session.authors import By
from handshake_prompt.session.row_returns import RowForm


class ModeHandler(ABC):
    """The methods of a mode, with the usual behaviour. Subclass it and override the rest."""

    action_types: Sequence[str] = ("set",)
    """The types of actions: `set`, and in a mode with rows `add`, `remove`, `move`."""

    untyped_action: str | None = "set"
    """The type of an action without `type`; None refuses it."""

    checks_schema = False
    """Whether `setup_session` sees to it that the schema's entries are within the limits; else it finds them so."""

    honours_schema = False
    """Whether writes and views keep to a schema; else one that asks for anything, such as `sensitive`, is refused."""

    def setup_session(self, session: Session, body: CreateRequest) -> None:
        """Fill a new session from the body of `POST /session`.

        Raises:
            InvalidRequestError: the body cannot be honoured; no session is created.
        """
        for key, value in {**(body.defaults or {}), **body.initial_values}.items():
            session.give(key, value, by=By.DEFAULT)

    @abstractmethod
    def context_response(self, session: Session, role: Role) -> dict[str, Any]:
        """Return the mode's own members of `GET /context` as `role` may see them."""

    def mistakes(self, session: Session) -> Sequence[CreationWarning]:
        """Return the warnings for the author of a new session's schema."""
        return ()

    def process_actions(self, session: Session, actions: Sequence[Action]) -> list[Outcome]:
        """Carry out a batch of the agent's actions, in order, and return one outcome for each."""
        return [self.process_action(session, action) for action in actions]

    def process_action(self, session: Session, action: Action) -> Outcome:
        """Carry out one action."""
        kind = action.type or self.untyped_action
        if kind not in self.action_types:
            named = "The action has no type" if action.type is None else f"Unsupported action type {action.type!r}"
            return unsupported(action, f"{named}; this mode knows: {', '.join(self.action_types)}")
        if action.key is None:
            return unsupported(action, "The action has no key", code="missing_key")
        if kind == "set":
            return self.set_value(session, action.key, action.value, if_rev=action.if_rev)
        if kind == "add":
            return self.add_row(session, action.key, action.value, after=action.after)
        if kind == "remove":
            return self.remove_row(session, action.key, if_rev=action.if_rev)
        return self.move_row(session, action.key, action.after, if_rev=action.if_rev)

    def process_notify(self, session: Session, key: str, value: Any) -> Outcome:
        """Carry out an edit by the person."""
        return self.set_value(session, key, value)

    def process_ws_message(self, session: Session, message: Mapping[str, Any]) -> list[Outcome]:
        """Carry out a frame from a watcher that is neither `userEdit` nor `release`.

        Raises:
            InvalidRequestError: the mode knows no such message.
        """
        raise InvalidRequestError("This mode knows no such message", code="unknown_message")

    def set_value(self, session: Session, key: str, value: Any, *, if_rev: int | None = None) -> Outcome:
        """Write one field as the author of the session's turn."""
        return session.write(key, value, if_rev=if_rev)

    def add_row(self, session: Session, key: str, value: Any, *, after: Place = msgspec.UNSET) -> Outcome:
        """Add a row with the cells of `value` to a list, as the author of the session's turn."""
        return self._no_rows(session, key)

    def remove_row(self, session: Session, key: str, *, if_rev: int | None = None) -> Outcome:
        """Remove a row, as the author of the session's turn."""
        return self._no_rows(session, key)

    def move_row(
        self, session: Session, key: str, after: Place = msgspec.UNSET, *, if_rev: int | None = None
    ) -> Outcome:
        """Move a row within its list, as the author of the session's turn."""
        return self._no_rows(session, key)

    def has_place(self, session: Session, key: str) -> bool:
        """Whether a page may report a problem with a key: of a field, a row, a list of rows or a group."""
        return True

    def form_of(self, session: Session) -> RowForm | None:
        """Return the form of a session with rows, for a revert; None where the mode has no rows."""
        return None

    def looked_up(self, session: Session, key: str) -> str:
        """Return the key without row ids of a field with a lookup for its options.

        Raises:
            InvalidRequestError: there is none of this key (`unknown_field`), or its options are not (`no_lookup`).
        """
        raise InvalidRequestError("This mode has no lookups", code="no_lookup")

    def change_schema(self, session: Session, entries: Sequence[Any], removed: Sequence[str]) -> Outcome:
        """Set and remove entries of the session's schema.

        Raises:
            InvalidSchemaError: the schema that comes of it cannot be honoured; nothing is changed.
        """
        return session.refuse("", "unsupported_action", "This mode honours no schema", status="error")

    @staticmethod
    def _no_rows(session: Session, key: str) -> Outcome:
        return session.refuse(key, "unsupported_action", "This mode has no rows", status="error")


def unsupported(action: Action, msg: str, *, code: str = "unsupported_action") -> Outcome:
    """Return the outcome of an action that names no field, or no known type."""
    named = {"type": action.type} if action.type is not None else {}
    return Outcome(action.key, "error", code, msg=msg, action=None if action.key is not None else named)
