"""Rows of a session's lists: transitions that add, remove and move them. Pure, as `Session` is. SPEC.md section 5.

Each row has an id of its own, which no other row of the session ever has, and its place stands in no key: so nothing
shifts when a row goes, and a write reaches the row of its key or none. A row and everything in it are removed or moved
under the state table, as if each part were written: a part of the person's keeps the agent from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

import msgspec

from handshake_prompt.protocol.bodies import Place
from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.events import ROW_ADDED, ROW_MOVED, ROW_RELEASED, ROW_REMOVED
from handshake_prompt.protocol.messages import Outcome

from .authors import OWNERSHIP, RELEASED, By
from .page_problems import forget_problems
from .row_keys import ROW_ID, inner_prefix, note_part, split_row
from .session import Session

AUTHORS = {Role.AGENT: By.AI, Role.USER: By.USER}
"""author of a turn -> author of a row added in it."""


NO_ROW = "There is no such row; it may have been removed: the ids of the others are in rows"


def add(session: Session, list_key: str, after: Place = msgspec.UNSET) -> Outcome:
    """Add an empty row as the turn's author.

    Returns:
        the outcome, with the id of the `row`; or `error` with `unknown_row` for an `after` of the agent's that is no
        row of the list. The person's is added all the same, as the last: the row may just have been removed.
    """
    ids = session.rows.get(list_key, ())
    place = _index_at(session, ids, after)
    if place is None:
        return _unknown_row(session, list_key)
    behind, by = ids[place - 1] if place else None, AUTHORS[session.author]
    row_key = _put_new_row(session, list_key, place, by)
    _, row = split_row(row_key)
    session.notice(ROW_ADDED, is_write=True, key=row_key, list=list_key, row=row, after=behind, by=by)
    return Outcome(list_key, "applied", seq=session.seq, row=row)


def put_initial(session: Session, list_key: str, *, by: By) -> str:
    """Put a row of a session's beginning at the end of a list; no event tells of it. Return the row's key."""
    return _put_new_row(session, list_key, len(session.rows.get(list_key, ())), by)


def bring_back(session: Session, list_key: str, row: str, by: By, *, after: Place = msgspec.UNSET) -> None:
    """Put a row that was set aside in a place of its list, as it was; the page that asked for it is told, too."""
    ids = session.rows.get(list_key, ())
    place = 0 if after is None else ids.index(after) + 1 if isinstance(after, str) else len(ids)
    row_key = _put_row(session, list_key, row, place, by)
    behind = ids[place - 1] if place else None
    session.notice(ROW_ADDED, key=row_key, list=list_key, row=row, after=behind, by=by)


def remove(session: Session, row_key: str, *, if_rev: int | None = None) -> Outcome:
    """Remove a row with everything in it, as the turn's author.

    Returns:
        the outcome: `error` with `unknown_row`, or `rejected` with `user_locked` (a part is the person's, the author
        not) or `stale` (a cell has been written after `if_rev`). A refusal changes nothing.
    """
    if row_key not in session.row_authors:
        return _unknown_row(session, row_key)
    if (refused := _refusal_of_change(session, row_key, if_rev)) is not None:
        return refused
    list_key, row = split_row(row_key)
    drop_content(session, row_key)
    _set_order(session, list_key, _without_row(session.rows[list_key], row))
    return _log_removal(session, row_key)


def clear(session: Session, list_key: str, *, if_rev: int | None = None) -> Outcome:
    """Remove all rows of a list, as the turn's author: all of them, or none."""
    if (refused := _refusal_of_change(session, list_key, if_rev)) is not None:
        return refused
    ids = session.rows.get(list_key, ())
    drop_content(session, list_key)
    for row in ids:
        _log_removal(session, inner_prefix(list_key) + row)
    return Outcome(list_key, "applied", seq=session.seq)


def drop_content(session: Session, key: str) -> None:
    """Drop everything in a row or a list, and the authors of the rows; no event tells of it."""
    rows, cells = _rows_and_cells_in(session, key)
    for cell in cells:
        session.erase(cell)
    parts, authors, lists = _parts_by_row(session), dict(session.row_authors), dict(session.rows)
    for row in rows:
        session.charge(authors.pop(row), size=-_bytes_of_row(row), parts=-1, fields=-1)
        for part in parts.pop(row, ()):
            lists.pop(part, None)
    lists.pop(key, None)
    session.row_authors, session.rows = authors, lists


def move(session: Session, row_key: str, after: Place = msgspec.UNSET, *, if_rev: int | None = None) -> Outcome:
    """Move a row within its list, as the turn's author; its id, its cells and their authors stay as they are.

    Returns:
        the outcome, as of `remove` and `add`. A move to the row's own place is applied and not logged.
    """
    if row_key not in session.row_authors:
        return _unknown_row(session, row_key)
    if (refused := _refusal_of_change(session, row_key, if_rev)) is not None:
        return refused
    list_key, row = split_row(row_key)
    before = session.rows[list_key]
    others = _without_row(before, row)
    place = _index_at(session, others, after)
    if place is None:
        return _unknown_row(session, row_key)
    behind, by = others[place - 1] if place else None, AUTHORS[session.author]
    ids = (*others[:place], row, *others[place:])
    if ids == before:
        return Outcome(row_key, "applied", seq=0)
    _set_order(session, list_key, ids)
    session.notice(ROW_MOVED, is_write=True, key=row_key, list=list_key, row=row, after=behind, by=by)
    return Outcome(row_key, "applied", seq=session.seq)


def release(session: Session, key: str) -> Outcome:
    """Return the person's rows and values in a row, itself included, or in a list, to the agent."""
    if session.author is not Role.USER:
        return session.refuse(key, "user_required", "Only the person can release a row")
    before = session.seq
    rows, cells = _rows_and_cells_in(session, key)
    for row_key in [row_key for row_key in rows if session.row_authors[row_key] in RELEASED]:
        list_key, row = split_row(row_key)
        by = RELEASED[session.row_authors[row_key]]
        session.row_authors = {**session.row_authors, row_key: by}
        session.notice(ROW_RELEASED, is_write=True, key=row_key, list=list_key, row=row, by=by)
    for cell in cells:
        session.release(cell)
    return Outcome(key, "applied", seq=session.seq if session.seq > before else 0)


def parts_of(session: Session, row_key: str) -> Iterable[str]:
    """Return the keys of the cells and the lists in a row, but of nothing in these lists."""
    return [part for part in _parts_by_row(session).get(row_key, ()) if part in session.values or part in session.rows]


def is_persons(session: Session, key: str) -> bool:
    """Whether a row, or a part of it, is the person's; of a list, whether that holds of any of its rows."""
    table = OWNERSHIP[Role.AGENT]
    return any(table[by] is None for by in _authors_in(session, key))


def _refusal_of_change(session: Session, key: str, if_rev: int | None) -> Outcome | None:
    """Return the refusal of a change of a row, or of all rows of a list; None if it may be made."""
    if session.author is Role.AGENT and is_persons(session, key):
        return session.refuse(key, "user_locked", "A part of this is the person's")
    if if_rev is not None and any(session.values[cell].rev > if_rev for cell in _rows_and_cells_in(session, key)[1]):
        return session.refuse(key, "stale", "A cell has changed since; read the context and decide again")
    return None


def _log_removal(session: Session, row_key: str) -> Outcome:
    list_key, row = split_row(row_key)
    session.notice(ROW_REMOVED, is_write=True, key=row_key, list=list_key, row=row, by=AUTHORS[session.author])
    outcome = Outcome(row_key, "applied", seq=session.seq)
    if session.page_problems:
        forget_problems(session, row_key)
    return outcome


def _unknown_row(session: Session, key: str) -> Outcome:
    return session.refuse(key, "unknown_row", NO_ROW, status="error")


def _index_at(session: Session, ids: Sequence[str], after: Place) -> int | None:
    """Return the index that a row gets among the others; None for one behind a row that is not there."""
    if after is None:
        return 0
    if isinstance(after, str) and after in ids:
        return ids.index(after) + 1
    return len(ids) if after is msgspec.UNSET or session.author is Role.USER else None


def _put_new_row(session: Session, list_key: str, place: int, by: By) -> str:
    session.last_row += 1
    return _put_row(session, list_key, ROW_ID.format(session.last_row), place, by)


def _put_row(session: Session, list_key: str, row: str, place: int, by: By) -> str:
    ids = session.rows.get(list_key, ())
    row_key = inner_prefix(list_key) + row
    session.row_authors = {**session.row_authors, row_key: by}
    session.charge(by, size=_bytes_of_row(row_key), parts=1, fields=1)
    _set_order(session, list_key, (*ids[:place], row, *ids[place:]))
    return row_key


def _set_order(session: Session, list_key: str, ids: tuple[str, ...]) -> None:
    """Let a list have these rows; one without rows is not kept."""
    session.rows = {**session.rows, list_key: ids}
    if not ids:
        del session.rows[list_key]
    elif (turn := session.turn) is not None and turn.parts:
        note_part(turn.parts, list_key, session.row_authors)


def _without_row(ids: tuple[str, ...], row: str) -> tuple[str, ...]:
    place = ids.index(row)
    return ids[:place] + ids[place + 1 :]


def _authors_in(session: Session, key: str) -> Iterator[str]:
    rows, cells = _rows_and_cells_in(session, key)
    yield from (session.row_authors[row] for row in rows)
    yield from (session.values[cell].by for cell in cells)


def _rows_and_cells_in(session: Session, key: str) -> tuple[list[str], list[str]]:
    """Return the keys of the rows and of the cells in a row, itself included, or in a list."""
    parts, cells = _parts_by_row(session), list[str]()
    rows = [key] if key in session.row_authors else _rows_of_list(session, key)
    for row in rows:  # grows by the rows within
        for part in parts.get(row, ()):
            if part in session.values:
                cells.append(part)
            else:
                rows += _rows_of_list(session, part)
    return rows, cells


def _rows_of_list(session: Session, list_key: str) -> list[str]:
    """Return the keys of the rows of a list."""
    return [inner_prefix(list_key) + row for row in session.rows.get(list_key, ())]


def _parts_by_row(session: Session) -> dict[str, dict[str, None]]:
    """Return the turn's index of cells and lists by row: with it a change of rows costs no more than their content."""
    parts = session.turn.parts if session.turn is not None else {}
    if not parts:
        parts[""] = {}  # built, even if there is nothing to enter
        for key in chain(session.values, session.rows):
            note_part(parts, key, session.row_authors)
    return parts


def _bytes_of_row(row_key: str) -> int:
    """Return the bytes that a row counts: its key stands in the list and with the author."""
    return 2 * len(row_key)
