"""Arguments of the tools, as their input schemas tell them, and the batches of actions that they ask for."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import UNSET

from handshake_prompt.protocol.errors import InvalidRequestError

LONGEST_WAIT = 25.0
"""Seconds of `wait_for_user` at most: hosts, and proxies on the way, give up after 30 and more."""


def _described(text: str, **bounds: Any) -> msgspec.Meta:
    return msgspec.Meta(description=text, **bounds)


class Arguments(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """Arguments of a tool. An unknown member is refused, so that no misspelt one is silently left out."""


class Connect(Arguments, frozen=True):
    """Arguments of `connect`."""

    prompt: Annotated[
        str, _described("The handshake prompt, whole, as the person pasted it; or the address of a pickup.")
    ]


class GetContext(Arguments, frozen=True):
    """Arguments of `get_context`: none."""


class Note(Arguments, frozen=True):
    """Words to the person about a value."""

    source: str | None = None
    reason: str | None = None
    confidence: Annotated[float | None, _described("From 0 to 1.")] = None

    def members(self) -> dict[str, Any]:
        """Return the members of an action."""
        members = {"source": self.source, "reason": self.reason, "confidence": self.confidence}
        return {name: member for name, member in members.items() if member is not None}


class SetFields(Arguments, frozen=True):
    """Arguments of `set_fields`."""

    fields: Annotated[dict[str, Any], _described('Values by key: {"name": "Ada", "age": 36}.', min_length=1)]
    if_rev: Annotated[
        dict[str, int], _described("By key, the `rev` you read: the field is written only if it is still that.")
    ] = {}
    notes: Annotated[dict[str, Note], _described("By key, for the person: where the value comes from, and why.")] = {}

    def actions(self) -> list[dict[str, Any]]:
        """Return the batch.

        Raises:
            InvalidRequestError: a revision or a note is given for a field that is not to be written.
        """
        if (self.if_rev.keys() | self.notes.keys()) - self.fields.keys():
            raise InvalidRequestError("ifRev and notes may name only keys that fields has", code="invalid_arguments")
        revs = {key: {"ifRev": rev} for key, rev in self.if_rev.items()}
        notes = {key: note.members() for key, note in self.notes.items()}
        return [
            {"type": "set", "key": key, "value": value, **revs.get(key, {}), **notes.get(key, {})}
            for key, value in self.fields.items()
        ]


class NewRow(Arguments, frozen=True):
    """A row to add."""

    list: Annotated[str, _described("The list's key.")]
    values: Annotated[dict[str, Any], _described("Values by the keys of the row's fields.")] = {}
    after: Annotated[str | msgspec.UnsetType | None, _described("The row in front of it, such as r3; null: first.")] = (
        UNSET
    )


class RowMove(Arguments, frozen=True):
    """A row to move."""

    row: Annotated[str, _described("The row's key.")]
    after: Annotated[str | msgspec.UnsetType | None, _described("As for add.")] = UNSET


class EditRows(Arguments, frozen=True):
    """Arguments of `edit_rows`."""

    add: list[NewRow] = []
    remove: Annotated[list[str], _described("Keys of rows.")] = []
    move: list[RowMove] = []

    def actions(self) -> list[dict[str, Any]]:
        """Return the batch: removals first, to make room for additions.

        Raises:
            InvalidRequestError: there is nothing to do.
        """
        actions = [
            *({"type": "remove", "key": key} for key in self.remove),
            *({"type": "move", "key": one.row, **_place(one.after)} for one in self.move),
            *(
                {"type": "add", "key": one.list, **({"value": one.values} if one.values else {}), **_place(one.after)}
                for one in self.add
            ),
        ]
        if not actions:
            raise InvalidRequestError("Give a row to add, to remove or to move", code="invalid_arguments")
        return actions


def _place(after: str | msgspec.UnsetType | None) -> dict[str, Any]:
    return {} if after is UNSET else {"after": after}


class Suggestion(Note, frozen=True, kw_only=True):
    """A value to suggest."""

    key: str
    value: Any

    def action(self) -> dict[str, Any]:
        """Return the action that suggests it."""
        return {"type": "suggest", "key": self.key, "value": self.value, **self.members()}


class SuggestFields(Arguments, frozen=True):
    """Arguments of `suggest_fields`."""

    suggestions: Annotated[list[Suggestion], _described("One for a field.", min_length=1)]


class AskPerson(Arguments, frozen=True):
    """Arguments of `ask_person`."""

    text: Annotated[str, _described("The question, in the person's language.")]
    fields: Annotated[
        list[dict[str, Any]] | None,
        _described('What to answer in, as entries of a schema: {"key", "type", "label"}. Without: yes or no.'),
    ] = None
    key: Annotated[str | None, _described("A field of the form to answer in.")] = None
    expires_in: Annotated[float | None, _described("Seconds for the person to answer in.")] = None
    seconds: Annotated[float, _described("How long to wait here.", ge=0, le=LONGEST_WAIT)] = LONGEST_WAIT


class FindOptions(Arguments, frozen=True):
    """Arguments of `find_options`."""

    key: Annotated[str, _described("The field.")]
    query: Annotated[str, _described("Letters that an option has to have.")] = ""


class GetChanges(Arguments, frozen=True):
    """Arguments of `get_changes`."""

    since: Annotated[str | None, _described("A `cursor`. Without it the latest 50 changes are listed.")] = None


class WaitForUser(Arguments, frozen=True):
    """Arguments of `wait_for_user`."""

    since: Annotated[str, _described("The `cursor` of your last get_context, get_changes or wait_for_user reply.")]
    seconds: Annotated[float, _described("How long to wait at most.", ge=0, le=LONGEST_WAIT)] = LONGEST_WAIT


class Extend(Arguments, frozen=True):
    """Arguments of `extend`."""

    seconds: Annotated[int, _described("How much more time to ask for.", ge=1, le=86_400)] = 1800
