"""State that a prompt showed, as the condition of the answer to it. Pure.

A chat knows one place in the log and no revisions. So a value is stale for its answer if it was written since, unless
by an answer to the same prompt: a chat that corrects itself has seen no other place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from handshake_prompt.protocol.bodies import Action
from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.messages import FieldRecord
from handshake_prompt.session import Session

CHANGES = 40
"""Told to a chat, on a clipboard."""


def with_conditions(session: Session, actions: Sequence[Action], seq: int | None) -> Sequence[Action]:
    """Return the actions, each with an `ifRev` that refuses it if its subject has changed since `seq`."""
    if seq is None:
        return actions
    changed = _changed_keys(session, seq)
    return [replace(action, if_rev=seq) if _is_about(action, changed) else action for action in actions]


def changes_since(session: Session, seq: int | None) -> dict[str, Any]:
    """Return the members of a reply that tell the agent of values that others have written since `seq`."""
    changed = [] if seq is None else _changed_keys(session, seq)
    told = {"changes": [_change_of(key, session.field_record(key, Role.AGENT)) for key in changed[:CHANGES]]}
    return told if len(changed) <= CHANGES else {**told, "changesLeftOut": len(changed) - CHANGES}


def note_pasted(session: Session, before: int) -> None:
    """Note that all values written after `before` are from a pasted answer."""
    values = session.values
    kept = {key: rev for key, rev in session.pasted.items() if key in values and values[key].rev == rev}
    session.pasted = kept | {key: field.rev for key, field in values.items() if field.rev > before}


def _changed_keys(session: Session, seq: int) -> list[str]:
    """Return the keys of values that were written since `seq`, other than by a pasted answer."""
    return [key for key, field in session.values.items() if field.rev > seq and session.pasted.get(key) != field.rev]


def _change_of(key: str, record: FieldRecord) -> dict[str, Any]:
    hidden = {"sensitive": True} if record.get("sensitive") else {}
    return {"key": key, "to": record["value"], "by": record["by"], "at": record["at"], "seq": record["rev"], **hidden}


def _is_about(action: Action, changed: Sequence[str]) -> bool:
    """Whether an action overwrites or removes a value, or the cells of rows."""
    key = action.key
    return key is not None and action.type != "add" and any(one == key or one.startswith(f"{key}/") for one in changed)
