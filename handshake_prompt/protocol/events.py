"""Events of a session's log, as its watchers are told them. SPEC.md section 6.

An event has a `seq`; the log of a session numbers them 1, 2, 3 ... without a hole. Frames that are not logged
(`connected`, `ack`, `error`, `heartbeat`, and the announcements of an end) describe a connection, not the session.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from .credentials import Role
from .messages import ChangeRecord
from .packing import unpack

ACTION, EDIT, DONE, EXTENDED, ROTATED = "action", "edit", "done", "extended", "rotated"
ROW_ADDED, ROW_REMOVED, ROW_MOVED, ROW_RELEASED = ROW_EVENTS = ("rowAdded", "rowRemoved", "rowMoved", "rowReleased")
PROBLEM, PROBLEMS, SCHEMA = "problem", "problems", "schema"

WRITES = frozenset({ACTION, EDIT, *ROW_EVENTS})
"""Events that change the values which a form's validator is shown."""


class Change(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="change", omit_defaults=True, gc=False):
    """A value was written: `action` by the agent, `edit` by the person."""

    type: str
    seq: int
    at: str
    key: str
    kept: Any = msgspec.field(name="value")
    """The value as `packing.pack` keeps it; None if the field is sensitive, whatever its value."""
    by: str
    kept_previous: Any = msgspec.field(default=None, name="previous")
    sensitive: bool = False
    pace: float = 0.0
    """Seconds a watcher's writer leaves between this frame and the one before."""
    source: str | None = None
    """The connection it came from, which is not shown it again."""
    size: int = 0
    """Bytes of value and previous value, which the log's bound counts; the same for every sensitive value."""
    note: dict[str, Any] | None = None
    """The members of a note on the value."""

    @property
    def value(self) -> Any:
        """The plain value; a list or an object is a copy of its own each time."""
        return unpack(self.kept)

    @property
    def previous(self) -> Any:
        """The plain value that it replaced."""
        return unpack(self.kept_previous)


class Notice(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="notice", omit_defaults=True, gc=False):
    """An event other than the write of a value: of a row, `done`, `extended`, `rotated`, or one that a mode adds."""

    type: str
    seq: int
    at: str
    members: dict[str, Any]
    pace: float = 0.0
    """Of a row's: as a change has it."""
    size: int = 0


Event = Change | Notice


class Cursor(NamedTuple):
    """A place in one session's log. Opaque to clients; the epoch tells one log from another."""

    epoch: str
    seq: int

    def __str__(self) -> str:
        return f"{self.epoch}.{self.seq}"

    @classmethod
    def parse(cls, text: str) -> Cursor | None:
        """Return the cursor `text` stands for, or None if it stands for none."""
        match = _CURSOR.fullmatch(text)
        return cls(match[1], int(match[2])) if match else None


_CURSOR = re.compile(r"([0-9a-f]{8})\.([0-9]{1,15})", re.ASCII)


def frame(event: Event, role: Role, *, epoch: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the WebSocket frame that tells a watcher of `role` about `event`.

    `values` are the session's fields: a sensitive value is taken from there, since the log keeps none.
    """
    place = {"seq": event.seq, "cursor": str(Cursor(epoch, event.seq)), "at": event.at}
    if isinstance(event, Notice):
        return {"type": event.type, **event.members, **place}
    shown = {"type": event.type, "key": event.key, "value": event.kept, "by": event.by, **place}
    if event.note is not None:
        shown |= event.note
    if event.sensitive:
        shown["value"] = _present_value(event, role, values)
        if role is Role.AGENT:
            shown["sensitive"] = True
    return shown


def change_record(event: Change, role: Role, *, values: Mapping[str, Any]) -> ChangeRecord:
    """Return the entry of `/diff` for `event`, with `values` as in `frame`.

    An agent is not shown a value that the person replaced or removed.
    """
    record: ChangeRecord = {"key": event.key, "to": event.kept, "by": event.by, "at": event.at, "seq": event.seq}
    if event.note is not None:
        record |= event.note  # type: ignore[typeddict-item]
    if event.sensitive:
        record["to"] = _present_value(event, role, values)
        if role is Role.AGENT:
            record["sensitive"] = True
    elif role is Role.USER or event.type == "action":
        record["from"] = event.kept_previous
    return record


def withheld(event: Event, role: Role) -> bool:
    """Whether a watcher of `role` may not see the event's value."""
    if isinstance(event, Notice):
        return role is Role.AGENT and bool(event.members.get("sensitive"))
    return role is Role.AGENT and event.sensitive


def _present_value(event: Change, role: Role, values: Mapping[str, Any]) -> Any:
    """Return the present value of a sensitive field, None for the agent."""
    field = values.get(event.key) if role is Role.USER else None
    return None if field is None else field.kept
