"""Items of `changes()`, from frames, from diffs, and from the lists of version 0.2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from .decoding import ChangeFrame, DiffReply, EndedRequest, ListedChange, RowFrame

LISTED = 50
"""Changes in a list of version 0.2, the latest."""


@dataclass(frozen=True, slots=True)
class Change:
    """A value was written.

    Args:
        key: the field.
        value: its present value; None where `sensitive`.
        by: its present author: `user` or `user_edit` the person, `ai` the agent, `default` for open to the agent;
            servers of version 0.2 also say `agent`.
        at: when, ISO 8601.
        seq: its number in the session's log; None from a server of version 0.2.
        cursor: a place for `changes(since=...)` after which nothing is missed.
        sensitive: the value is kept from agents.
    """

    key: str
    value: Any
    by: str
    at: str
    seq: int | None
    cursor: str
    sensitive: bool = False

    @property
    def by_person(self) -> bool:
        """Whether the person wrote it, and it is theirs."""
        return self.by in {"user", "user_edit"}


@dataclass(frozen=True, slots=True)
class RowChange:
    """A row of a list was added, removed or moved. The values of a new row follow as changes of their own.

    Args:
        event: `added`, `removed` or `moved`.
        key: of the row, such as `lines/r3`.
        list: the key of the list.
        row: the row's id in it.
        after: the id of the row in front of it, None for the first; also None for one that was removed.
        by: the author: `user` the person, `ai` the agent.
        at: when, ISO 8601.
        seq: its number in the session's log.
        cursor: a place for `changes(since=...)` after which nothing is missed.
    """

    event: str
    key: str
    list: str
    row: str
    after: str | None
    by: str
    at: str
    seq: int
    cursor: str

    @property
    def by_person(self) -> bool:
        """Whether the person did it."""
        return self.by == "user"


@dataclass(frozen=True, slots=True)
class RequestEnded:
    """A question or a suggestion of the agent's has ended.

    Args:
        id: of the request.
        kind: `ask` or `suggest`.
        status: `answered` (the person agreed), `declined` (the person said no), `expired`, `withdrawn` or `superseded`.
        values: the person's answers by key.
        filled: whether the answer is a value that is hidden from the agent.
        cursor: a place for `changes(since=...)` after which nothing is missed.
    """

    id: str
    kind: str
    status: str
    values: Mapping[str, Any]
    filled: bool
    cursor: str

    @property
    def by_person(self) -> bool:
        """Whether it is an answer of the person's."""
        return self.status in {"answered", "declined"}


@dataclass(frozen=True, slots=True)
class ProblemsChanged:
    """The form has other problems than before; `get_context()["problems"]` tells them.

    Args:
        cursor: a place for `changes(since=...)` after which nothing is missed.
    """

    cursor: str


@dataclass(frozen=True, slots=True)
class Gap:
    """Changes may have been missed, or the page has changed its form; the present state takes their place.

    Args:
        context: the members of `get_context()`.
        cursor: a place for `changes(since=...)` after which nothing is missed; None from a server of version 0.2.
    """

    context: Mapping[str, Any]
    cursor: str | None


Update = Change | RowChange | RequestEnded | ProblemsChanged | Gap

ROW_EVENTS = {"rowAdded": "added", "rowRemoved": "removed", "rowMoved": "moved"}
"""type of a frame -> event of a row."""
REQUEST_EVENTS = {"answered", "withdrawn", "lapsed"}
"""Types of the frames that tell the end of a request."""
PROBLEM_EVENTS = {"problem", "problems"}
"""Types of the frames that tell of problems, of one or of all."""


def of_frame(frame: ChangeFrame) -> Change:
    """Return the change of an `action` or `edit` frame."""
    return Change(frame.key, frame.value, frame.by, frame.at, frame.seq, frame.cursor, frame.sensitive)


def of_row_frame(kind: str, frame: RowFrame) -> RowChange:
    """Return the change of a frame about a row, of a type in `ROW_EVENTS`."""
    event = ROW_EVENTS[kind]
    return RowChange(event, frame.key, frame.list, frame.row, frame.after, frame.by, frame.at, frame.seq, frame.cursor)


def of_request(ended: EndedRequest, cursor: str) -> RequestEnded:
    """Return the end of a request."""
    return RequestEnded(ended.id, ended.kind, ended.status, ended.values, ended.filled, cursor)


def of_diff(diff: DiffReply, before: str, after: str) -> list[Update]:
    """Return the changes of a diff, and the requests that have ended.

    Args:
        diff: complete, with all changes after a place.
        before: the place.
        after: the place behind them all. A diff names none in between: to resume from one of the earlier changes is to
            read the later ones again.
    """
    ended = [of_request(request, before) for request in diff.requests if request.status != "open"]
    problems = [] if diff.problems is None else [ProblemsChanged(before)]
    found: list[Update] = [*(_as_change(change, before) for change in diff.changes), *ended, *problems]
    return [*found[:-1], *(replace(update, cursor=after) for update in found[-1:])]


def of_list(changes: Sequence[ListedChange]) -> list[Change]:
    """Return the changes in a list of version 0.2, which has no places but their times."""
    return [_as_change(change, change.at) for change in changes]


def changes_beyond(known: Sequence[ListedChange], listed: Sequence[ListedChange]) -> Sequence[ListedChange] | None:
    """Return the changes in which a list of the latest ones goes on from an earlier list; None if there may be a gap.

    Times cannot tell: version 0.2 compares them as texts, with offsets that change twice a year.
    """
    if not known:
        return listed if len(listed) < LISTED else None
    for start in range(len(known)):
        seen = known[start:]
        if list(listed[: len(seen)]) == list(seen):
            return listed[len(seen) :]
    return None


def changes_after(listed: Sequence[ListedChange], since: str) -> Sequence[ListedChange] | None:
    """Return the changes of a list that came after an instant; None if some may be missing from the list."""
    start = parse_moment(since)
    times = [parse_moment(change.at) for change in listed]
    if start is None or None in times:
        return None
    found = [change for change, at in zip(listed, times, strict=True) if at is not None and at > start]
    return None if len(found) == len(listed) >= LISTED else found


def parse_moment(text: str) -> datetime | None:
    """Return the moment of an ISO 8601 text, in UTC if it has no offset; None for any other text."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _as_change(change: ListedChange, cursor: str) -> Change:
    return Change(change.key, change.to, change.by, change.at, change.seq, cursor, change.sensitive)
