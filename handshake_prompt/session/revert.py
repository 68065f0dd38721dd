"""Reversion of the agent's writes by the person, back to the values before them. Pure. SPEC.md section 5."""

from __future__ import annotations

from collections.abc import Iterable

from . import rows
from .authors import By
from .row_keys import inner_prefix
from .row_returns import RowForm, put_back
from .session import Session


def revert_writes(session: Session, keys: Iterable[str] | None = None, *, form: RowForm | None = None) -> list[str]:
    """Put back values, and rows in their places, from before the agent's writes, as the turn's author.

    The agent's own rows go. The person's values stay, and so does a row with a part of theirs.

    Args:
        session: the draft.
        keys: of fields, rows and lists; None for all writes of the agent's.
        form: the session's, where its mode has rows.

    Returns:
        the keys of the reverted fields and rows.
    """
    wanted = None if keys is None else frozenset(keys)
    inside = tuple(map(inner_prefix, wanted or ()))

    def is_meant(key: str) -> bool:
        """Whether a field or row is named, or stands in a named row or list."""
        return wanted is None or key in wanted or key.startswith(inside)

    reverted = []
    for row_key in [key for key, by in session.row_authors.items() if by == By.AI and is_meant(key)]:
        if row_key in session.row_authors and not rows.is_persons(session, row_key):
            rows.remove(session, row_key)
            reverted.append(row_key)
    if form is not None:
        reverted += put_back(session, is_meant, form)
    for key in [key for key, field in session.values.items() if field.by == By.AI and is_meant(key)]:
        _restore_value(session, key)
        reverted.append(key)
    session.reverts += bool(reverted)
    return reverted


def _restore_value(session: Session, key: str) -> None:
    """Put back the value before the agent's; to later pasted answers the revert of one is no change of the page's."""
    was_pasted = session.pasted.get(key) == session.values[key].rev
    old = session.before.get(key)
    if old is None:
        session.restore(key, None, By.EMPTY)
    else:
        session.restore(key, old.kept, By(old.by), preset=old.preset)
    if was_pasted:
        session.pasted = session.pasted | {key: session.values[key].rev}
