"""Return of rows removed or moved by the agent, for a revert by the person. Pure. SPEC.md section 4.

A row comes back as the same row: with its id, its author, and its cells with theirs. Its place is beside its old
neighbours, wherever the person has put these. The person's own doings stay: a row moved by them keeps its place, a list
replaced by them its rows, and a full list takes none back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from msgspec.structs import replace

from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.events import ROW_MOVED, ROW_REMOVED, Notice
from handshake_prompt.protocol.limits import Limits

from . import rows
from .authors import By
from .displaced_rows import Displaced
from .field_value import FieldValue
from .room import has_room
from .row_keys import inner_prefix, row_around, split_row
from .session import Session

IsMeant = Callable[[str], bool]
"""Whether the person names a row, or something around it."""
_NOTHING = Displaced()


class RowForm(Protocol):
    """The form of a session, asked about keys."""

    def has_value(self, key: str) -> bool:
        """Whether it has a field for a value."""

    def rows_left(self, list_key: str) -> int:
        """Return how many rows a list may still have; 0 where there is no such list."""


def note_displaced(session: Session, previous: Session, limits: Limits) -> None:
    """Keep the rows displaced by the agent in a turn, and let go of rows settled by the turn."""
    if session.rows is not previous.rows:
        events = session.turn.events if session.turn else ()
        if session.author is Role.AGENT:
            _keep_displaced(session, previous, _event_keys(events, ROW_MOVED))
        if session.displaced is not None:
            moved = _event_keys(events, ROW_MOVED) if session.author is Role.USER else ()
            _drop_settled(session, session.displaced, removed=_event_keys(events, ROW_REMOVED), moved=frozenset(moved))
    if session.displaced is not None and not has_room(session.held_by(Role.USER), limits):
        _set_displaced(session, None)  # the person's room is for what is there


def forget_displaced(session: Session, list_key: str) -> None:
    """Let go of the displaced rows of a list: the person has given all of its content anew."""
    if session.displaced is not None:
        _set_displaced(session, _without_prefixes(session.displaced, (inner_prefix(list_key),)))


def put_back(session: Session, is_meant: IsMeant, form: RowForm) -> list[str]:
    """Put displaced rows back, as the turn's author; return the keys of rows that came back or changed their place."""
    displaced = session.displaced
    if displaced is None:
        return []
    cells: dict[str, list[str]] = {}
    for key in displaced.values:
        if form.has_value(key):
            cells.setdefault(row_around(key, displaced.row_authors), []).append(key)
    done = []
    for list_key in sorted(displaced.orders, key=_key_depth):  # a row comes ahead of those within it
        for row_key, after in _planned_places(session, list_key, displaced, is_meant, form):
            if row_key in session.row_authors:
                if rows.move(session, row_key, after).seq:
                    done.append(row_key)
                continue
            _, row = split_row(row_key)
            rows.bring_back(session, list_key, row, By(displaced.row_authors[row_key]), after=after)
            for key in cells.get(row_key, ()):
                session.bring_back(key, displaced.values[key])
            done.append(row_key)
    left = tuple(key for key in displaced.moved if not is_meant(key))
    _set_displaced(session, replace(displaced, moved=left))
    return done


def _planned_places(
    session: Session, list_key: str, displaced: Displaced, is_meant: IsMeant, form: RowForm
) -> list[tuple[str, str | None]]:
    """Return the rows of a list to put back, in order, each with the row ahead of it in the end."""
    start, here, moved = inner_prefix(list_key), session.rows.get(list_key, ()), frozenset(displaced.moved)
    meant = [row for row in displaced.orders[list_key] if is_meant(start + row)]
    back = [row for row in meant if start + row in displaced.row_authors][: max(0, form.rows_left(list_key))]
    placed = {*back, *(row for row in meant if start + row in moved)}
    staying = [row for row in here if row not in placed]
    known = placed.union(staying)
    order = _merged_order(staying, [row for row in displaced.orders[list_key] if row in known])
    return [(start + row, order[place - 1] if place else None) for place, row in enumerate(order) if row in placed]


def _keep_displaced(session: Session, previous: Session, moved: Iterable[str]) -> None:
    """Keep the gone and the moved rows, but for the agent's own, with the orders of their lists."""
    before = previous.row_authors
    removed: dict[str, str] = {}
    for key, by in before.items():
        if key not in session.row_authors and by != By.AI:
            around = row_around(key, before)
            if not around or around in session.row_authors or around in removed:
                removed[key] = by
    away = [key for key in moved if before.get(key, By.AI) != By.AI and key in session.row_authors]
    if not removed and not away:
        return
    cells = {}
    if removed:
        kept = {
            key: _value_before_agent(previous, key) for key in previous.values if row_around(key, before) in removed
        }
        cells = {key: field for key, field in kept.items() if field is not None}
    old = session.displaced or _NOTHING
    orders = dict(old.orders)
    for list_key in {split_row(key)[0]: None for key in (*removed, *away)}:
        ids = [row for row in previous.rows[list_key] if before[inner_prefix(list_key) + row] != By.AI]
        orders[list_key] = tuple(_merged_order(orders.get(list_key, ()), ids))
    moved_rows = tuple(dict.fromkeys((*old.moved, *away)))
    _set_displaced(session, Displaced(old.values | cells, old.row_authors | removed, moved_rows, orders))


def _value_before_agent(session: Session, key: str) -> FieldValue | None:
    """Return the value of a field before the agent wrote it; None where there was none."""
    field = session.values[key]
    return session.before.get(key) if field.by == By.AI else field


def _drop_settled(session: Session, displaced: Displaced, *, removed: Iterable[str], moved: frozenset[str]) -> None:
    """Let go of rows that are back, were moved by the person, or stood in a row gone for good."""
    gone = tuple(
        inner_prefix(key) for key in removed if key not in displaced.row_authors and key not in session.row_authors
    )
    left = _without_prefixes(displaced, gone) if gone else displaced
    back = {key for key in left.row_authors if key in session.row_authors}
    values = {key: field for key, field in left.values.items() if row_around(key, left.row_authors) not in back}
    authors = {key: by for key, by in left.row_authors.items() if key not in back}
    still = tuple(key for key in left.moved if key in session.row_authors and key not in moved)
    lists = {split_row(key)[0] for key in (*authors, *still)}
    orders = {key: ids for key, ids in left.orders.items() if key in lists}
    _set_displaced(session, Displaced(values, authors, still, orders))


def _without_prefixes(displaced: Displaced, starts: tuple[str, ...]) -> Displaced:
    """Return the displaced rows without those of a key with one of these beginnings."""
    return Displaced(
        {key: field for key, field in displaced.values.items() if not key.startswith(starts)},
        {key: by for key, by in displaced.row_authors.items() if not key.startswith(starts)},
        tuple(key for key in displaced.moved if not key.startswith(starts)),
        {key: ids for key, ids in displaced.orders.items() if not inner_prefix(key).startswith(starts)},
    )


def _merged_order(here: Sequence[str], order: Sequence[str]) -> list[str]:
    """Return rows with the others of an order, each behind its predecessor there, or else ahead of its successor."""
    known = frozenset(here)
    behind: dict[str | None, list[str]] = {}
    first = last = None
    for row in order:
        if row in known:
            first, last = first or row, row
        else:
            behind.setdefault(last, []).append(row)
    ahead = behind.pop(None, [])
    woven: list[str] = []
    for row in here:
        woven += [*(ahead if row == first else ()), row, *behind.get(row, ())]
    return woven if first is not None else [*woven, *ahead]


def _set_displaced(session: Session, displaced: Displaced | None) -> None:
    """Keep displaced rows, and count them into the part of the session they were in."""
    old, new = session.displaced or _NOTHING, displaced or _NOTHING
    session.charge(By.DEFAULT, size=new.size - old.size, parts=new.parts - old.parts, fields=0)
    session.displaced = displaced if displaced != _NOTHING else None


def _event_keys(events: Iterable[object], kind: str) -> list[str]:
    return [event.members["key"] for event in events if isinstance(event, Notice) and event.type == kind]


def _key_depth(key: str) -> int:
    return key.count("/")
