"""Reversion of the agent's writes by the person: back to what stood there before. Pure. SPEC.md section 5."""

from __future__ import annotations

from collections.abc import Iterable

from . import rows
from .authors import By
from .row_keys import within
from .session import Session


def revert(session: Session, keys: Iterable[str] | None = None) -> list[str]:
    """Put back what stood in fields before the agent wrote them, and remove rows that it added, as the turn's author.

    What the person has written stays, and so does a row with a part of theirs.

    Args:
        session: the draft.
        keys: of fields, rows and lists; None for whatever the agent wrote.

    Returns:
        the keys of the fields and rows that were reverted.
    """
    wanted = None if keys is None else tuple(keys)
    reverted = []
    for row_key in [key for key, by in session.row_authors.items() if by == By.AI and _is_meant(key, wanted)]:
        if row_key in session.row_authors and not rows.is_persons(session, row_key):
            rows.remove(session, row_key)
            reverted.append(row_key)
    for key in [key for key, field in session.values.items() if field.by == By.AI and _is_meant(key, wanted)]:
        old = session.before.get(key)
        if old is None:
            session.restore(key, None, By.EMPTY)
        else:
            session.restore(key, old.kept, By(old.by), preset=old.preset)
        reverted.append(key)
    return reverted


def _is_meant(key: str, wanted: tuple[str, ...] | None) -> bool:
    """Whether a field or row was named, or stands in a row or list that was."""
    return wanted is None or any(key == one or key.startswith(within(one)) for one in wanted)
