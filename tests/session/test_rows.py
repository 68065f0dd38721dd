"""Rows: added, removed and moved by two authors, with the state table over all that stands in them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from handshake_prompt.protocol.bodies import Place
from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.events import Change, Event, Notice, frame
from handshake_prompt.protocol.messages import Outcome
from handshake_prompt.session import Session, Turn, rows
from handshake_prompt.session.authors import By
from handshake_prompt.stores.codec import pack, pack_session, unpack_events, unpack_session
from tests.support.folding import fold_rows, fold_values
from tests.support.sessions import blank_session

AGENT, USER = Role.AGENT, Role.USER
LAST = msgspec.UNSET


def turn(author: Role, **members: Any) -> Turn:
    return Turn(author=author, now=1_767_268_800.0, **members)


def with_rows(*authors: Role) -> Session:
    """Return a session with the rows r1, r2 and so on in its list `lines`, each added by one of the authors."""
    session = blank_session()
    for author in authors:
        session = session.checkout(turn(author))
        rows.add(session, "lines")
        session.commit()
    return session


class Played(NamedTuple):
    session: Session
    outcome: Outcome
    events: list[Event]


def played(session: Session, author: Role, change: Callable[[Session], Outcome]) -> Played:
    """Return a session after a turn with one change, its outcome and its events."""
    draft = session.checkout(turn(author))
    outcome = change(draft)
    return Played(draft, outcome, draft.commit())


def members(events: Sequence[Event]) -> list[dict[str, Any]]:
    return [{"type": event.type, **event.members} for event in events if isinstance(event, Notice)]


@pytest.mark.parametrize(
    ("after", "order", "behind"),
    [
        (LAST, ("r1", "r2", "r3"), "r2"),
        (None, ("r3", "r1", "r2"), None),
        ("r1", ("r1", "r3", "r2"), "r1"),
        ("r2", ("r1", "r2", "r3"), "r2"),
    ],
)
def test_a_row_is_added_behind_another_first_or_last(after: Place, order: tuple[str, ...], behind: str) -> None:
    session, outcome, events = played(with_rows(AGENT, AGENT), AGENT, lambda draft: rows.add(draft, "lines", after))
    assert (outcome.key, outcome.status, outcome.row, outcome.seq) == ("lines", "applied", "r3", 3)
    assert session.rows == {"lines": order}
    added = {"type": "rowAdded", "key": "lines/r3", "list": "lines", "row": "r3", "after": behind, "by": "ai"}
    assert members(events) == [added]


def test_a_row_behind_one_that_is_not_there_is_refused_to_the_agent_and_is_the_persons_last() -> None:
    session = with_rows(AGENT)
    _, refused, events = played(session, AGENT, lambda draft: rows.add(draft, "lines", "r9"))
    assert (refused.status, refused.code, events) == ("error", "unknown_row", [])
    _, taken, _ = played(session, USER, lambda draft: rows.add(draft, "lines", "r9"))
    assert (taken.status, taken.row) == ("applied", "r2")


def test_an_id_is_never_used_again_whatever_list_it_stood_in() -> None:
    session = with_rows(AGENT, AGENT)
    session, _, _ = played(session, AGENT, lambda draft: rows.remove(draft, "lines/r2"))
    session, again, _ = played(session, AGENT, lambda draft: rows.add(draft, "lines"))
    _, other, _ = played(session, AGENT, lambda draft: rows.add(draft, "lines/r1/bags"))
    assert (again.row, other.row) == ("r3", "r4")


def test_a_row_goes_with_its_cells_and_the_rows_in_it_and_takes_nothing_else_along() -> None:
    session = with_rows(AGENT, AGENT).checkout(turn(AGENT))
    rows.add(session, "lines/r1/bags")
    for key in ("lines/r1/n", "lines/r1/bags/r3/kg", "lines/r2/n", "lines/r10", "name"):
        session.write(key, 1)
    outcome = rows.remove(session, "lines/r1")
    assert (outcome.key, outcome.status) == ("lines/r1", "applied")
    assert session.rows == {"lines": ("r2",)}
    assert session.row_authors == {"lines/r2": By.AI}
    assert [*session.values] == ["lines/r2/n", "lines/r10", "name"]


LOCKED: dict[str, Callable[[Session], object]] = {
    "the row": lambda _: None,
    "a cell": lambda draft: draft.write("lines/r1/n", 1),
    "a row in it": lambda draft: rows.add(draft, "lines/r1/bags"),
    "a cell of a row in it": lambda draft: draft.write("lines/r1/bags/r9/kg", 1),
}
CHANGES: dict[str, Callable[[Session], Outcome]] = {
    "remove": lambda draft: rows.remove(draft, "lines/r1"),
    "move": lambda draft: rows.move(draft, "lines/r1"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("lock", LOCKED.values(), ids=LOCKED)
def test_i1_a_part_of_the_persons_keeps_the_agent_from_the_row_and_not_the_person(
    lock: Callable[[Session], object], change: Callable[[Session], Outcome]
) -> None:
    session = with_rows(USER if lock is LOCKED["the row"] else AGENT, AGENT).checkout(turn(USER))
    lock(session)
    session.commit()
    assert rows.is_persons(session, "lines/r1")
    assert rows.is_persons(session, "lines")
    assert not rows.is_persons(session, "lines/r2")
    draft, refused, events = played(session, AGENT, change)
    assert (refused.status, refused.code, events) == ("rejected", "user_locked", [])
    assert (draft.rows, draft.values) == (session.rows, session.values)
    _, applied, _ = played(session, USER, change)
    assert applied.status == "applied"


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("author", list(Role))
def test_a_row_that_is_not_there_cannot_be_changed(author: Role, change: Callable[[Session], Outcome]) -> None:
    session = with_rows()
    _, refused, events = played(session, author, change)
    assert (refused.key, refused.status, refused.code, events) == ("lines/r1", "error", "unknown_row", [])


@pytest.mark.parametrize(("if_rev", "code"), [(None, None), (3, None), (4, None), (2, "stale"), (0, "stale")])
@pytest.mark.parametrize("change", [rows.remove, rows.move])
def test_a_conditional_change_of_a_row_needs_that_no_cell_was_written_since(
    change: Callable[..., Outcome], if_rev: int | None, code: str | None
) -> None:
    session = with_rows(AGENT, AGENT).checkout(turn(AGENT))
    session.write("lines/r1/n", 1)
    assert change(session, "lines/r1", if_rev=if_rev).code == code


@pytest.mark.parametrize(
    ("after", "order", "behind"),
    [(LAST, ("r1", "r3", "r2"), "r3"), (None, ("r2", "r1", "r3"), None), ("r3", ("r1", "r3", "r2"), "r3")],
)
def test_a_row_is_moved_with_its_id_its_cells_and_their_authors(
    after: Place, order: tuple[str, ...], behind: str | None
) -> None:
    session = with_rows(USER, USER, USER).checkout(turn(USER))
    session.write("lines/r2/n", 1)
    session.commit()
    draft, outcome, events = played(session, USER, lambda draft: rows.move(draft, "lines/r2", after))
    assert (outcome.key, outcome.status, outcome.seq) == ("lines/r2", "applied", 5)
    assert (draft.rows["lines"], draft.values, draft.row_authors) == (order, session.values, session.row_authors)
    moved = {"type": "rowMoved", "key": "lines/r2", "list": "lines", "row": "r2", "after": behind, "by": "user"}
    assert members(events) == [moved]


@pytest.mark.parametrize("after", ["r1", "r2", "r9"])
def test_a_move_to_the_rows_own_place_is_applied_and_not_logged(after: str) -> None:
    session = with_rows(USER, USER)
    _, outcome, events = played(session, USER, lambda draft: rows.move(draft, "lines/r2", after))
    assert (outcome.status, outcome.seq, events) == ("applied", 0, [])


@pytest.mark.parametrize("author", list(Role))
def test_a_released_row_and_all_of_the_persons_in_it_is_open_to_the_agent(author: Role) -> None:
    session = with_rows(USER, USER).checkout(turn(USER))
    rows.add(session, "lines/r1/bags")
    for key in ("lines/r1/n", "lines/r1/bags/r3/kg", "lines/r2/n"):
        session.write(key, 1)
    session.commit()
    draft, outcome, events = played(session, author, lambda draft: rows.release(draft, "lines/r1"))
    if author is AGENT:
        assert (outcome.status, outcome.code, events) == ("rejected", "user_required", [])
        return
    assert (outcome.key, outcome.status, outcome.seq) == ("lines/r1", "applied", draft.seq)
    assert [(event.type, event.seq) for event in events] == [
        ("rowReleased", 7),
        ("rowReleased", 8),
        ("edit", 9),
        ("edit", 10),
    ]
    assert members(events)[0] == {
        "type": "rowReleased",
        "key": "lines/r1",
        "list": "lines",
        "row": "r1",
        "by": "default",
    }
    assert (rows.is_persons(draft, "lines/r1"), rows.is_persons(draft, "lines/r2")) == (False, True)
    assert draft.value("lines/r1/bags/r3/kg") == 1
    _, again, events = played(draft, USER, lambda draft: rows.release(draft, "lines/r1"))
    assert (again.status, again.seq, events) == ("applied", 0, [])


def test_no_row_gets_the_id_of_one_that_a_store_has_lost() -> None:
    session = with_rows(AGENT, AGENT).checkout(turn(AGENT))
    session.restart("ffffffff")
    outcome = rows.add(session, "lines")
    assert (session.epoch, int((outcome.row or "")[1:]) > 1_000_000) == ("ffffffff", True)


def test_a_row_and_its_cells_are_shown_to_their_source_too_and_are_paced() -> None:
    session = blank_session().checkout(turn(USER, source="tab", pace=0.2))
    rows.add(session, "lines")
    session.write("lines/r1/n", 1)
    added, written = unpack_events(pack(session.commit()))
    assert isinstance(added, Notice)
    assert isinstance(written, Change)
    assert (added.pace, written.pace, written.source, session.used) == (0.2, 0.2, None, True)


def test_the_cells_of_a_sensitive_field_are_hidden_in_every_row() -> None:
    session = with_rows(AGENT, AGENT).checkout(turn(USER))
    session.sensitive = ("lines/iban",)
    session.write("lines/r1/iban", "DE89 3704")
    session.write("lines/r2/note", "DE89")
    change = session.commit()[0]
    assert frame(change, AGENT, epoch=session.epoch, values=session.values)["value"] is None
    shown = session.context(AGENT)
    assert (shown["lines/r1/iban"]["value"], shown["lines/r1/iban"]["filled"]) == (None, True)
    assert session.field_record("lines/r2/note", AGENT)["value"] == "DE89"
    assert b"89 3704" in msgspec.json.encode(session.context(USER))
    assert b"89 3704" not in msgspec.json.encode(shown)
    _, refused, _ = played(session, AGENT, lambda draft: draft.write("lines/r1/iban", "x"))
    assert "89 3704" not in repr(refused)


def test_a_default_of_a_new_row_is_open_to_the_agent() -> None:
    session = with_rows(USER).checkout(turn(USER))
    session.preset("lines/r1/n", 7)
    (event,) = session.commit()
    assert (event.type, session.values["lines/r1/n"].by) == ("edit", By.DEFAULT)
    assert session.checkout(turn(AGENT)).write("lines/r1/n", 8).status == "applied"


def test_an_ended_session_has_no_rows() -> None:
    session = with_rows(USER).checkout(turn(USER))
    session.end("revoked")
    assert (session.rows, session.row_authors, session.held_by(USER)) == ({}, {}, (0, 0, 0))


def test_a_record_without_rows_is_read_as_one_that_has_none() -> None:
    kept = msgspec.msgpack.decode(pack_session(blank_session()))
    assert not {"rows", "row_authors", "last_row"} & kept.keys()
    assert unpack_session(msgspec.msgpack.encode(kept)).rows == {}


# The machine: any history of turns, against a model that has documents in place of keys


@dataclasses.dataclass
class Row:
    """A row of the model: an object of its own, whatever stands around it."""

    id: str
    by: str
    cells: dict[str, list[Any]] = dataclasses.field(default_factory=dict)
    """Name -> value, author, revision, and the `seq` that wrote it first."""
    bags: list[Row] = dataclasses.field(default_factory=list)

    @property
    def is_persons(self) -> bool:
        theirs = {self.by, *(cell[1] for cell in self.cells.values())}
        return bool(theirs & {"user", "user_edit"}) or any(bag.is_persons for bag in self.bags)

    @property
    def newest(self) -> int:
        return max([cell[2] for cell in self.cells.values()] + [bag.newest for bag in self.bags], default=0)


class Step(NamedTuple):
    do: str
    row: int = 0
    bag: int | None = None
    other: int = 0
    value: Any = None
    if_rev: int | None = None


indices = st.integers(0, 3)
steps = st.builds(
    Step,
    st.sampled_from(["add", "add", "remove", "move", "write", "write", "release", "release row"]),
    indices,
    st.none() | indices,
    st.integers(-2, 3),
    st.none() | st.integers(0, 99) | st.text(max_size=3),
    st.none() | st.none() | st.integers(0, 30),
)


class Model:
    """Lists of objects: what the specification says in words, without a key in it."""

    def __init__(self) -> None:
        self.lines: list[Row] = []
        self.minted = self.seq = 0

    def play(self, author: Role, step: Step) -> str:
        listed, row = self.target(step)
        if step.do == "add":
            return self.add(author, self.lines if step.bag is None else listed, step)
        if row is None:
            return "unknown_row"
        if step.do in ("write", "release", "release row"):
            return self.write(author, row, step) if step.do != "release row" else self.release(author, row)
        if author is AGENT and row.is_persons:
            return "user_locked"
        if step.if_rev is not None and row.newest > step.if_rev:
            return "stale"
        return self.remove(listed, row) if step.do == "remove" else self.move(author, listed, row, step)

    def target(self, step: Step) -> tuple[list[Row] | None, Row | None]:
        """Return the list that a step is about, and its row; None for what is not there."""
        row = self.lines[step.row] if step.row < len(self.lines) else None
        if step.bag is None:
            return self.lines, row
        if row is None:
            return None, None
        return row.bags, row.bags[step.bag] if step.bag < len(row.bags) else None

    def add(self, author: Role, listed: list[Row] | None, step: Step) -> str:
        if listed is None:
            return "unknown_row"
        place = self.place(author, listed, step.other)
        if place is None:
            return "unknown_row"
        self.minted, self.seq = self.minted + 1, self.seq + 1
        listed.insert(place, Row(f"r{self.minted}", "ai" if author is AGENT else "user"))
        return "applied"

    def remove(self, listed: list[Row] | None, row: Row) -> str:
        assert listed is not None
        listed.remove(row)
        self.seq += 1
        return "applied"

    def move(self, author: Role, listed: list[Row] | None, row: Row, step: Step) -> str:
        assert listed is not None
        others = [other for other in listed if other is not row]
        place = self.place(author, others, step.other)
        if place is None:
            return "unknown_row"
        others.insert(place, row)
        self.seq += others != listed
        listed[:] = others
        return "applied"

    def release(self, author: Role, row: Row) -> str:
        if author is AGENT:
            return "user_required"
        within = [row, *row.bags]
        for one in within:
            if one.by == "user":
                one.by, self.seq = "default", self.seq + 1
        for one in sorted(within, key=lambda one: one.cells.get("n", [None, "", 0, 0])[3]):
            self.write(author, one, Step("release"))
        return "applied"

    def place(self, author: Role, listed: list[Row], other: int) -> int | None:
        if other < 0:
            return 0 if other == -1 else len(listed)
        return other + 1 if other < len(listed) else len(listed) if author is USER else None

    def write(self, author: Role, row: Row, step: Step) -> str:
        value, by, rev, first = row.cells.get("n", [None, "empty", 0, self.seq + 1])
        if step.do == "release":
            if author is AGENT:
                return "user_required"
            if by.startswith("user"):
                self.seq += 1
                row.cells["n"] = [value, "default", self.seq, first]
            return "applied"
        if author is AGENT and by.startswith("user"):
            return "user_locked"
        if step.if_rev not in (None, rev):
            return "stale"
        self.seq += 1
        after = "ai" if author is AGENT else "user_edit" if by in ("ai", "user_edit") else "user"
        row.cells["n"] = [step.value, after, self.seq, first]
        return "applied"

    def keys(self, step: Step) -> tuple[str, str, Place]:
        """Return the keys that a step names: of its list, of its row, and the place."""
        row = self.lines[step.row].id if step.row < len(self.lines) else "r999"
        listed, ids = "lines", [line.id for line in self.lines]
        if step.bag is not None:
            bags = self.lines[step.row].bags if step.row < len(self.lines) else []
            listed, ids = f"lines/{row}/bags", [bag.id for bag in bags]
            row = ids[step.bag] if step.bag < len(ids) else "r999"
        if step.do == "move" and row in ids:
            ids.remove(row)
        after: Place = LAST if step.other == -2 else None
        if step.other >= 0:
            after = ids[step.other] if step.other < len(ids) else "r999"
        return listed, f"{listed}/{row}", after


def play(session: Session, model: Model, step: Step) -> str:
    """Play a step on a session and return its status, or the code of its refusal."""
    listed, row, after = model.keys(step)
    is_there = row in session.row_authors
    if step.do == "add":
        within = step.bag is None or step.row < len(model.lines)
        outcome = rows.add(session, listed, after) if within else Outcome(code="unknown_row")
    elif step.do == "remove":
        outcome = rows.remove(session, row, if_rev=step.if_rev)
    elif step.do == "move":
        outcome = rows.move(session, row, after, if_rev=step.if_rev)
    elif not is_there:  # that is for the mode to see
        outcome = Outcome(code="unknown_row")
    elif step.do == "release row":
        outcome = rows.release(session, row)
    elif step.do == "release":
        outcome = session.release(f"{row}/n")
    else:
        outcome = session.write(f"{row}/n", step.value, if_rev=step.if_rev)
    return outcome.code or outcome.status


class RowsMachine(RuleBasedStateMachine):
    """Turns by both authors, kept and thrown away."""

    def __init__(self) -> None:
        super().__init__()
        self.session = blank_session()
        self.model = Model()
        self.log: list[Event] = []

    @rule(author=st.sampled_from(Role), batch=st.lists(steps, min_size=1, max_size=6), kept=st.booleans())
    def turn(self, author: Role, batch: list[Step], *, kept: bool) -> None:
        before = pack_session(self.session)
        draft, model = self.session.checkout(turn(author)), deepcopy(self.model)
        for step in batch:
            assert play(draft, model, step) == model.play(author, step), step
        events = draft.commit()
        assert pack_session(self.session) == before
        if kept:
            self.session, self.model = draft, model
            self.log += events

    @invariant()
    def the_lists_are_the_models(self) -> None:
        held: dict[str, Any] = {}
        for line in self.model.lines:
            held.setdefault("lines", []).append(line.id)
            if line.bags:
                held[f"lines/{line.id}/bags"] = [bag.id for bag in line.bags]
        assert {key: [*ids] for key, ids in self.session.rows.items()} == held

    @invariant()
    def no_write_is_in_another_row_than_the_one_it_named(self) -> None:
        held = {key: [field.value, field.by, field.rev] for key, field in self.session.values.items()}
        cells: dict[str, list[Any]] = {}
        for line in self.model.lines:
            cells |= {f"lines/{line.id}/{name}": cell[:3] for name, cell in line.cells.items()}
            for bag in line.bags:
                cells |= {f"lines/{line.id}/bags/{bag.id}/{name}": cell[:3] for name, cell in bag.cells.items()}
        assert held == cells

    @invariant()
    def i4_folding_the_log_gives_rows_and_cells(self) -> None:
        frames = [frame(event, USER, epoch=self.session.epoch, values=self.session.values) for event in self.log]
        assert [shown["seq"] for shown in frames] == [*range(1, self.session.seq + 1)]
        assert fold_rows({}, frames) == {key: [*ids] for key, ids in self.session.rows.items()}
        held = {key: (field.value, field.by, field.rev) for key, field in self.session.values.items()}
        assert fold_values({}, frames) == held

    @invariant()
    def i11_each_side_is_counted_for_its_values_and_rows(self) -> None:
        for role in Role:
            size = parts = fields = 0
            for key, field in self.session.values.items():
                if (field.by == By.AI) == (role is AGENT):
                    size, parts, fields = size + len(key) + len(msgspec.json.encode(field.value)), parts + 1, fields + 1
            for key, by in self.session.row_authors.items():
                if (by == By.AI) == (role is AGENT):
                    size, parts, fields = size + 2 * len(key), parts + 1, fields + 1
            assert self.session.held_by(role) == (size, parts, fields)

    @invariant()
    def session_and_log_survive_being_kept(self) -> None:
        assert unpack_session(pack_session(self.session)) == self.session
        assert unpack_events(pack(self.log)) == self.log


TestRowsMachine = RowsMachine.TestCase
TestRowsMachine.settings = settings(max_examples=60, stateful_step_count=15, deadline=None)
