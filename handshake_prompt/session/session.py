"""State machine of a session: its state and every transition. Pure: no clock, no I/O, no asyncio. SPEC.md section 5.

The right to write a field is a table, not a path through code. A transition works on a copy that knows its author; the
author comes from the credential of the request, so neither a message nor a mode can write as somebody else.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import Any

import msgspec

from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.events import ACTION, EDIT, WRITES, Change, Cursor, Event, Notice
from handshake_prompt.protocol.instants import format_instant
from handshake_prompt.protocol.messages import FieldRecord, Outcome
from handshake_prompt.protocol.packing import Packed, kept_meta, pack, parts_of, to_json, unpack

from .aside import Aside
from .authors import OWNERSHIP, RELEASED, By
from .displaced_rows import Displaced
from .field_value import FieldValue, is_empty
from .notes import Note, with_notes
from .owners import comparable_owner, kept_owner
from .pickup_record import Pickup
from .request_record import Request
from .row_keys import LOST_ROWS, field_key, note_part
from .submission_record import Submission
from .turn import Turn
from .verdict import Verdict

WRITTEN = {Role.AGENT: ACTION, Role.USER: EDIT}
EXPIRED, REVOKED, CLOSED, SUBMITTED = "expired", "revoked", "closed", "submitted"

HIDDEN_BYTES = 64
"""Size in a log of a change of a sensitive value, the same for all: no value is kept, and its size would tell."""


class Session(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """Everything a session is.

    Hooks read `session_id mode form owner meta` of it; `on_create_session` may set `owner` and `meta`. Transitions
    are called on a copy from `checkout`, and their events are taken with `commit`. Times named `_at` and `deadline` are
    on the store's clock.
    """

    session_id: str
    mode: str
    epoch: str
    token_digest: str
    user_digest: str
    created_at: float
    deadline: float
    """When the session ends, in spite of all extensions."""
    ttl: float
    owner: Any = None
    kept_meta: Any = msgspec.field(default_factory=dict, name="meta")
    """`meta`, as `packing.pack` keeps it once the session is settled."""
    form: str = ""
    """The name of the host's form that it was opened with; "" if the page brought the schema."""
    verdict: Verdict | None = None
    """What watchers were told last of the form's validator; None if nothing yet."""
    written: int = 0
    """The `seq` of the latest write, in a session of a named form: a verdict from before is of other values."""
    page_problems: dict[str, str] = msgspec.field(default_factory=dict)
    """Problems that the page reports, by key; "" is the form. Replaced rather than changed in place."""
    schema_json: bytes = b"[]"
    sensitive: tuple[str, ...] = ()
    """Keys of fields whose values the agent never sees; of cells in rows, without the rows' ids."""
    values: dict[str, FieldValue] = msgspec.field(default_factory=dict)
    rows: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    """Key of a list -> ids of its rows, in order; like `row_authors` replaced rather than changed in place."""
    row_authors: dict[str, str] = msgspec.field(default_factory=dict)
    """Key of a row -> its author. Every row that is there is in it."""
    last_row: int = 0
    """Number of the newest id of a row."""
    aside: Aside | None = None
    """What the schema has no field for at present."""
    pasted: dict[str, int] = msgspec.field(default_factory=dict)
    """Key -> revision of a value from a pasted answer, or from its revert. Replaced rather than changed in place."""
    reverts: int = 0
    """How often the person has reverted something: an answer pasted before is another one after it."""
    state: dict[str, Any] = msgspec.field(default_factory=dict)
    """A mode's own: JSON values only, replaced rather than changed in place."""
    seq: int = 0
    last_at: int = 0
    """Microseconds since the epoch: whole ones, so that the next instant is another one in text too."""
    size: int = 0
    """Bytes of all values, and once the session is kept of its schema and meta."""
    parts: int = 0
    """JSON values within the values, lists and objects with all they hold."""
    agent_size: int = 0
    """Bytes of the values that are the agent's."""
    agent_parts: int = 0
    agent_fields: int = 0
    """Values and rows that are the agent's."""
    ended: str | None = None
    """Why, once it has: `expired`, `revoked` or `submitted` by the person, or `closed` by the host application."""
    agent: str = ""
    """The name that the latest agent gives itself."""
    agent_at: float = 0.0
    """When that was last told of; wall-clock time, as in a turn."""
    requests: dict[str, Request] = msgspec.field(default_factory=dict)
    """By id: replaced rather than changed in place, as all that follows is."""
    submission: Submission | None = None
    pickup: Pickup | None = None
    leads_to: str = ""
    """In the record of a pickup's code: the id of its session. Such a record holds nothing else and opens to nobody."""
    notes: dict[str, Note] = msgspec.field(default_factory=dict)
    before: dict[str, FieldValue] = msgspec.field(default_factory=dict)
    """What the agent says of its values; and the values, if any, that stood there before it wrote."""
    displaced: Displaced | None = None
    used: bool = False
    """Whether an agent was announced or anybody has written."""
    turn: Turn | None = None

    # Transitions

    def checkout(self, turn: Turn) -> Session:
        """Return a working copy on which `turn` can be played, from its beginning; the original stays as it is."""
        draft = copy(self)
        draft.turn = Turn(turn.author, turn.now, turn.source, turn.pace)
        draft.values, draft.state = dict(self.values), dict(self.state)
        return draft

    def detached(self) -> Session:
        """Return a copy to show to the host's code: a change of the copy changes nothing here."""
        values, state, meta = dict(self.values), dict(self.state), dict(self.meta)
        owner = None if self.owner is None else comparable_owner(self.owner)
        rows, authors = dict(self.rows), dict(self.row_authors)
        return msgspec.structs.replace(
            self, values=values, rows=rows, row_authors=authors, state=state, kept_meta=meta, owner=owner, turn=None
        )

    def commit(self) -> list[Event]:
        """End the turn and return the events it made, in order."""
        events, self.turn = self._turn.events, None
        self.used = self.used or bool(self.agent) or any(type(event) is Change for event in events)
        if self.form:
            self.written = max((event.seq for event in events if event.type in WRITES), default=self.written)
        return events

    def restart(self, epoch: str) -> None:
        """Begin the log anew once a part of it was lost; no row gets the id of one that was lost with it."""
        self.epoch = epoch
        self.last_row += LOST_ROWS

    def settle(self) -> None:
        """Fix the members that hooks may have set, and count the schema and the notes into the size.

        Raises:
            TypeError: `owner` or `meta` is nothing that JSON can express; the message says what to set instead.
        """
        if self.owner is not None:
            self.owner = kept_owner(self.owner)
        self.kept_meta = kept_meta(self.meta) if self.meta else {}
        self.size += len(self.schema_json) + _json_size(self.kept_meta)

    def give(self, key: str, value: Any, *, by: By) -> None:
        """Put a value that is there from the start; no event tells of it."""
        by = By.EMPTY if is_empty(value) and by is By.USER else by
        old, (kept, size) = self.values.get(key), pack(value)
        self.size += size - _json_size(old.kept) if old else len(key) + size
        self.parts += parts_of(kept) - (parts_of(old.kept) if old else 0)
        self.values[key] = FieldValue(kept, by, self._next_instant(self._turn), 0)
        if old is None and self._turn.parts:
            note_part(self._turn.parts, key, self.row_authors)

    def write(self, key: str, value: Any, *, if_rev: int | None = None) -> Outcome:
        """Write a field as the turn's author.

        Returns:
            the outcome: `applied`, or `rejected` with code `stale` (`if_rev` is not the value's revision any more) or
            `user_locked` (the person's value, and the author is not the person). A refusal changes nothing.
        """
        turn, now = self.turn or self._turn, self.values.get(key)
        becomes = OWNERSHIP[turn.author][now.by if now else By.EMPTY]
        if becomes is None:
            return self.refuse(key, "user_locked", "The person wrote this field; it is theirs")
        if if_rev is not None and if_rev != (now.rev if now else 0):
            return self.refuse(key, "stale", "The field has changed since; look at current and decide again")
        kept, size = pack(value)
        return self._record_write(turn, key, kept, size=size, old=now, by=becomes)

    def preset(self, key: str, value: Any) -> Outcome:
        """Write the default of a new row's cell: it is nobody's, and open to the agent."""
        turn, (kept, size) = self._turn, pack(value)
        return self._record_write(turn, key, kept, size=size, old=None, by=By.DEFAULT, preset=turn.author is Role.AGENT)

    def bring_back(self, key: str, field: FieldValue) -> None:
        """Write a value that was set aside as it was; its author stays, and the page that asked for it is told, too."""
        turn, by = msgspec.structs.replace(self._turn, source=None), By(field.by)
        self._record_write(turn, key, field.kept, size=_json_size(field.kept), old=None, by=by, preset=field.preset)

    def erase(self, key: str) -> None:
        """Drop the value of a removed row's cell; the event of the row tells of it."""
        field = self.values.pop(key)
        self.charge(field.payer, size=-len(key) - _json_size(field.kept), parts=-parts_of(field.kept), fields=-1)

    def charge(self, by: str, *, size: int, parts: int, fields: int) -> None:
        """Count an author's bytes, JSON values, and fields or rows; negative numbers give back."""
        self.size += size
        self.parts += parts
        if by == By.AI:
            self.agent_size += size
            self.agent_parts += parts
            self.agent_fields += fields

    def release(self, key: str) -> Outcome:
        """Return a field of the person's to the agent; a field that is not the person's stays as it is."""
        turn = self._turn
        if turn.author is not Role.USER:
            return self.refuse(key, "user_required", "Only the person can release a field")
        now = self.values.get(key)
        if now is None or now.by not in RELEASED:
            return Outcome(key, "applied", seq=now.rev if now else 0)
        return self._record_write(turn, key, now.kept, size=_json_size(now.kept), old=now, by=RELEASED[now.by])

    def restore(self, key: str, kept: Any, by: By, *, preset: bool = False) -> Outcome:
        """Put a value that stood here before back in its place, with its author."""
        size, old = _json_size(kept), self.values.get(key)
        return self._record_write(self._turn, key, kept, size=size, old=old, by=by, preset=preset)

    def notice(self, kind: str, /, *, is_write: bool = False, **members: Any) -> None:
        """Log something other than the write of a value. One that `is_write` is paced, and shown to its source, too."""
        turn, size = self._turn, _json_size(members)
        if is_write:  # and so is what follows: an order of rows can be folded in the order of the log alone
            self.used, self.turn = True, msgspec.structs.replace(turn, source=None)
        self.seq += 1
        at, pace = self._next_instant(turn), turn.pace if is_write else 0.0
        turn.events.append(Notice(type=kind, seq=self.seq, at=at, members=members, pace=pace, size=size))

    def refuse(self, key: str, code: str, msg: str, *, status: str = "rejected") -> Outcome:
        """Return the outcome of a write that changed nothing, with the current value where there is one."""
        current = self.field_record(key, self._turn.author) if key in self.values and status == "rejected" else None
        return Outcome(key, status, code, msg=msg, current=current)

    def end(self, reason: str) -> None:
        """End the session: the name, the digests and the reason are left."""
        self.ended = reason
        self.values, self.state, self.kept_meta, self.schema_json = {}, {}, {}, b"[]"
        self.page_problems, self.verdict, self.aside, self.submission, self.pickup = {}, None, None, None, None
        self.rows, self.row_authors, self.requests = {}, {}, {}
        self.notes, self.before, self.displaced, self.pasted = {}, {}, None, {}
        self.size = self.parts = self.agent_size = self.agent_parts = self.agent_fields = 0
        self._turn.events.clear()

    # Views

    @property
    def author(self) -> Role:
        """The author of the turn under way."""
        return (self.turn or self._turn).author

    @property
    def now(self) -> float:
        """The wall-clock time of the turn under way."""
        return (self.turn or self._turn).now

    @property
    def schema(self) -> list[Any]:
        """The page's description of its fields, as a list of its own each time; kept as JSON, as it is sent."""
        schema: list[Any] = msgspec.json.decode(self.schema_json)
        return schema

    @schema.setter
    def schema(self, schema: list[Any]) -> None:
        self.schema_json = msgspec.json.encode(schema)

    @property
    def meta(self) -> dict[str, Any]:
        """Notes of the page and the host on the session. Once it is settled, a copy of its own each time."""
        meta: dict[str, Any] = unpack(self.kept_meta)
        return meta

    @meta.setter
    def meta(self, meta: dict[str, Any]) -> None:
        self.kept_meta = meta

    @property
    def cursor(self) -> Cursor:
        """Where the log stands."""
        return Cursor(self.epoch, self.seq)

    @property
    def proofs(self) -> dict[str, str]:
        """Role -> the digest of the credential that proves it."""
        return {Role.AGENT: self.token_digest, Role.USER: self.user_digest}

    def held_by(self, role: Role) -> tuple[int, int, int]:
        """Return the bytes, JSON values, and fields and rows that are one side's: the agent's, or all the rest."""
        if role is Role.AGENT:
            return self.agent_size, self.agent_parts, self.agent_fields
        size, fields = (self.aside.size, self.aside.count) if self.aside else (0, 0)
        fields += self.displaced.count if self.displaced else 0
        fields += len(self.values) + len(self.row_authors) - self.agent_fields
        return self.size + size - self.agent_size, self.parts - self.agent_parts, fields

    def has_been_at(self, cursor: Cursor) -> bool:
        """Whether a cursor is a place in this session's log."""
        return cursor.epoch == self.epoch and cursor.seq <= self.seq

    def value(self, key: str) -> Any:
        """Return the value of a field, None where there is none."""
        return self.values[key].value if key in self.values else None

    def whose(self, key: str) -> str:
        """Return the author of the value that a field holds, of a row, or of the last row of a list."""
        field, row = self.values.get(key), "/".join((key, *self.rows.get(key, ())[-1:]))
        return field.by if field else self.row_authors.get(row, By.EMPTY)

    def is_sensitive(self, key: str) -> bool:
        """Whether the agent never sees the value of a field or cell; the price of asking does not grow with rows."""
        hidden = self.sensitive
        return key in hidden or bool(hidden and self.rows and field_key(key, self.rows) in hidden)

    def field_record(self, key: str, role: Role) -> FieldRecord:
        """Return one value as `role` may see it."""
        field = self.values[key]
        record: FieldRecord = {"value": field.kept, "by": field.by, "at": field.at, "rev": field.rev}
        if field.preset:
            record["preset"] = True
        if role is Role.AGENT and (key in self.sensitive or (self.rows and self.is_sensitive(key))):
            record["value"] = None
            record["sensitive"] = True
            record["filled"] = not is_empty(field.kept)
        return record

    def context(self, role: Role) -> Mapping[str, FieldRecord]:
        """Return all values as `role` may see them."""
        # A FieldValue is encoded as the FieldRecord it stands for.
        records: Mapping[str, Any] = with_notes(self.values, self.notes) if self.notes else self.values
        if role is Role.USER or not self.sensitive:
            return records
        keys = [*filter(self.is_sensitive, self.values)] if self.rows else self.sensitive
        return {**records, **{key: self.field_record(key, role) for key in keys if key in self.values}}

    def __repr__(self) -> str:
        return f"<Session {self.session_id} mode={self.mode!r} seq={self.seq} ended={self.ended}>"

    # How transitions are made

    @property
    def _turn(self) -> Turn:
        if self.turn is None:
            raise RuntimeError("a session is changed only inside a turn: use a copy from Session.checkout()")
        return self.turn

    def _record_write(
        self, turn: Turn, key: str, kept: Any, *, size: int, old: FieldValue | None, by: By, preset: bool = False
    ) -> Outcome:
        at, length, parts = self._next_instant(turn), len(key), 1 if type(kept) is not Packed else kept.parts
        previous, size_before, parts_before = None, 0, 0
        if old is not None:
            previous, size_before = old.kept, len(to_json(old.kept))
            parts_before = 1 if type(previous) is not Packed else previous.parts
        self.seq = seq = self.seq + 1
        self.size += size - size_before if old else length + size
        self.parts += parts - parts_before
        if old is not None and (old.by == By.AI or old.preset):
            self.agent_size -= length + size_before
            self.agent_parts -= parts_before
            self.agent_fields -= 1
        if by is By.AI or preset:
            self.agent_size += length + size
            self.agent_parts += parts
            self.agent_fields += 1
        self.values[key] = FieldValue(kept, by, at, seq, preset)
        if old is None and turn.parts:
            note_part(turn.parts, key, self.row_authors)
        is_sensitive = key in self.sensitive or (bool(self.rows) and self.is_sensitive(key))
        turn.events.append(
            Change(
                type=WRITTEN[turn.author],
                seq=seq,
                at=at,
                key=key,
                kept=None if is_sensitive else kept,
                by=by,
                kept_previous=None if is_sensitive else previous,
                sensitive=is_sensitive,
                pace=turn.pace,
                source=turn.source,
                size=HIDDEN_BYTES if is_sensitive else size + size_before,
            )
        )
        return Outcome(key, "applied", seq=seq)

    def _next_instant(self, turn: Turn) -> str:
        """Return the turn's time as text. Times of one session only ever go forward, even if the clock is set back."""
        now, after = turn.now * 1e6, self.last_at + 1
        self.last_at = at = round(now) if now > after else after
        return format_instant(at)


def _json_size(value: object) -> int:
    return len(to_json(value))
