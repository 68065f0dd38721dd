"""State that a prompt showed, as the condition of the answer to it. Pure.

A chat knows one place in the log and no revisions. So a value is stale for its answer if it was written since, unless
by an answer to the same prompt: a chat that corrects itself has seen no other place.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from handshake_prompt.protocol.bodies import Action
from handshake_prompt.protocol.session import Session


def conditional(session: Session, actions: Sequence[Action], seq: int | None) -> Sequence[Action]:
    """Return the actions, each with an `ifRev` that refuses it if what it is about has changed since `seq`."""
    if seq is None:
        return actions
    changed = [key for key, field in session.values.items() if field.rev > seq and session.pasted.get(key) != field.rev]
    return [replace(action, if_rev=seq) if _is_about(action, changed) else action for action in actions]


def note_pasted(session: Session, before: int) -> None:
    """Note that all values written after `before` are from a pasted answer."""
    values = session.values
    kept = {key: rev for key, rev in session.pasted.items() if key in values and values[key].rev == rev}
    session.pasted = kept | {key: field.rev for key, field in values.items() if field.rev > before}


def _is_about(action: Action, changed: Sequence[str]) -> bool:
    """Whether an action overwrites or removes a value, or the cells of rows."""
    key = action.key
    return key is not None and action.type != "add" and any(one == key or one.startswith(f"{key}/") for one in changed)
