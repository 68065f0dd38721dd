"""Rows that an agent removed or moved, and what a revert makes of them after whatever the person has done since."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from handshake_prompt.modes import FormFillHandler
from handshake_prompt.protocol.bodies import Action
from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.events import Event, frame
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.packing import to_json
from handshake_prompt.session import Session, rows
from handshake_prompt.session.aftermath import conclude_turn
from handshake_prompt.session.revert import revert_writes
from handshake_prompt.stores.codec import pack_session, unpack_session
from tests.support.folding import fold_rows, fold_values
from tests.support.forms import new_session
from tests.support.row_sessions import AGENT, SCHEMA, USER, held as held_by_key, turn_of

TITLE, LINES_FIELD = (dict[str, Any](entry) for entry in SCHEMA)
WIDE = [TITLE, LINES_FIELD | {"maxRows": 5}]
LINES = [{"text": "a", "amount": 1, "bags": [{"kg": 1}, {"kg": 2}]}, {"text": "b"}, {"text": "c"}]


class Form:
    """A saved session of a form with rows, and its log."""

    def __init__(self, lines: Any = LINES, limits: Limits | None = None, schema: Any = SCHEMA) -> None:
        self.limits = limits or Limits()
        self.mode = FormFillHandler(self.limits)
        self.session = unpack_session(pack_session(new_session(self.mode, schema=schema, defaults={"lines": lines})))
        self.first = self.session
        self.log: list[Event] = []

    def take_turn(self, role: Role, play: Callable[[Session], Any]) -> Any:
        draft = turn_of(self.session, role)
        result = play(draft)
        conclude_turn(draft, self.session, 1.0, self.limits)
        self.log += draft.commit()
        self.session = unpack_session(pack_session(draft))
        return result

    def act(self, *actions: Action) -> list[str]:
        outcomes = self.take_turn(AGENT, lambda draft: self.mode.process_actions(draft, actions))
        return [outcome.status for outcome in outcomes]

    def revert(self, *keys: str) -> list[str]:
        def play(draft: Session) -> list[str]:
            return revert_writes(draft, keys or None, form=self.mode.form_of(draft))

        reverted: list[str] = self.take_turn(USER, play)
        return reverted

    def remove(self, key: str) -> None:
        self.take_turn(USER, lambda draft: self.mode.remove_row(draft, key))

    def move(self, key: str, after: str | None) -> None:
        self.take_turn(USER, lambda draft: self.mode.move_row(draft, key, after))

    def edit(self, key: str, value: Any) -> None:
        self.take_turn(USER, lambda draft: self.mode.set_value(draft, key, value))

    def add(self, key: str, value: Any) -> str:
        row: str = self.take_turn(USER, lambda draft: self.mode.add_row(draft, key, value)).row
        return row

    @property
    def order(self) -> str:
        return " ".join(self.session.rows.get("lines", ()))

    @property
    def held(self) -> tuple[Any, ...]:
        """What is there: rows in their order, their authors, values with theirs."""
        return self.session.rows, self.session.row_authors, held_by_key(self.session)


def remove(*keys: str) -> list[Action]:
    return [Action("remove", key) for key in keys]


CHANGES = {
    "a removed row": remove("lines/r1"),
    "all rows removed": remove("lines/r1", "lines/r4", "lines/r5"),
    "a row within a row": remove("lines/r1/bags/r2"),
    "a row within a row, then that": remove("lines/r1/bags/r3", "lines/r1"),
    "a moved row": [Action("move", "lines/r1")],
    "moved rows": [Action("move", "lines/r5", after=None), Action("move", "lines/r1"), Action("move", "lines/r4")],
    "a row moved, then removed": [Action("move", "lines/r4", after=None), *remove("lines/r4")],
    "a moved row within a row": [Action("move", "lines/r1/bags/r3", after=None)],
    "the list replaced": [Action("set", "lines", [{"text": "x"}, {"text": "y", "bags": [{"kg": 9}]}])],
    "a cell written, then its row removed": [Action("set", "lines/r1/amount", 7), *remove("lines/r1")],
    "a row added and removed": [Action("add", "lines/r4/bags", {"kg": 1}), *remove("lines/r4")],
}


@pytest.mark.parametrize("together", [True, False], ids=["in one batch", "in batches"])
@pytest.mark.parametrize("actions", CHANGES.values(), ids=CHANGES)
def test_a_revert_makes_rows_what_they_were_with_their_ids_cells_and_authors(
    actions: list[Action],
    together: bool,  # noqa: FBT001
) -> None:
    form = Form()
    before, room = form.held, form.session.held_by(USER)
    for batch in [actions] if together else [[action] for action in actions]:
        assert set(form.act(*batch)) == {"applied"}
    assert form.held != before
    assert form.revert()
    assert form.held == before
    assert (form.session.displaced, form.session.held_by(USER)) == (None, room)
    assert form.revert() == []


def test_a_revert_names_the_rows_that_came_back_or_changed_their_place() -> None:
    form = Form()
    form.act(*remove("lines/r4"), Action("move", "lines/r1"))
    assert form.revert() == ["lines/r1", "lines/r4"]


def test_a_revert_of_one_row_leaves_the_others() -> None:
    form = Form()
    form.act(*remove("lines/r1", "lines/r4", "lines/r5"))
    assert form.revert("lines/r4") == ["lines/r4"]
    assert form.order == "r4"
    assert form.revert("lines") == ["lines/r1", "lines/r5", "lines/r1/bags/r2", "lines/r1/bags/r3"]
    assert form.order == "r1 r4 r5"


def test_a_row_within_a_row_that_is_not_back_has_no_place_to_come_back_to() -> None:
    form = Form()
    form.act(*remove("lines/r1"))
    assert form.revert("lines/r1/bags/r2") == []
    assert form.revert("lines/r1") == ["lines/r1", "lines/r1/bags/r2", "lines/r1/bags/r3"]


def test_rows_come_back_beside_their_neighbours_wherever_the_person_has_put_these() -> None:
    form = Form(schema=WIDE)
    form.act(*remove("lines/r4"))
    form.move("lines/r1", "r5")
    added = form.add("lines", {"text": "mine"})
    form.revert()
    assert form.order == f"r5 r1 r4 {added}"


def test_a_row_that_the_person_moved_stays_where_they_put_it() -> None:
    form = Form()
    form.act(Action("move", "lines/r1"))
    form.move("lines/r1", "r4")
    assert form.revert() == []
    assert form.order == "r4 r1 r5"


def test_what_the_person_wrote_since_keeps_the_row_and_its_place_goes_back() -> None:
    form = Form()
    form.act(Action("move", "lines/r1"), Action("set", "lines/r1/amount", 5))
    form.edit("lines/r1/amount", 6)
    assert form.revert() == ["lines/r1"]
    assert form.order == "r1 r4 r5"
    assert held_by_key(form.session)["lines/r1/amount"] == (6, "user_edit")


def test_a_list_that_is_full_by_now_takes_no_row_back() -> None:
    form = Form()
    form.act(*remove("lines/r1", "lines/r4"))
    mine = form.add("lines", {"text": "mine"})
    assert form.revert() == ["lines/r1", "lines/r1/bags/r2", "lines/r1/bags/r3"]
    assert form.order == f"r1 r5 {mine}"
    form.remove(f"lines/{mine}")
    assert form.revert() == ["lines/r4"]


def test_rows_that_the_person_removed_or_replaced_do_not_come_back() -> None:
    form = Form()
    form.act(*remove("lines/r1/bags/r2", "lines/r4"))
    form.remove("lines/r1")
    assert form.revert() == ["lines/r4"]
    form.act(*remove("lines/r4"))
    form.edit("lines", [{"text": "all there is"}])
    assert form.revert() == []
    assert form.session.displaced is None


def test_rows_of_a_list_that_the_form_has_no_more_wait_for_it() -> None:
    form = Form()
    form.act(*remove("lines/r4"))
    form.take_turn(USER, lambda draft: form.mode.change_schema(draft, [], ["lines"]))
    assert form.revert() == []
    again = [LINES_FIELD | {"fields": [{"key": "amount"}]}]
    form.take_turn(USER, lambda draft: form.mode.change_schema(draft, again, []))
    assert form.revert() == ["lines/r4"]
    assert "lines/r4/text" not in form.session.values, "the form has no such field now"


def test_what_is_kept_gives_way_to_what_the_person_adds() -> None:
    form = Form([{"text": "x"}] * 3, Limits(values=8))
    form.act(*remove("lines/r1", "lines/r2", "lines/r3"))
    assert form.session.displaced is not None
    assert form.session.held_by(USER)[2] == 6
    form.add("lines", {"text": "mine"})
    form.add("lines", {"text": "mine"})
    assert form.session.displaced is None
    assert form.session.held_by(USER)[2] == 6
    assert form.revert() == []


def test_an_agent_cannot_have_more_kept_than_there_was() -> None:
    form = Form()
    for _ in range(5):
        form.act(Action("add", "lines/r1/bags", {"kg": 1}) if form.order else Action("add", "lines", {}))
        form.act(Action("set", "lines", [{"text": "again"}]))
    displaced = form.session.displaced
    assert displaced is not None
    assert displaced.row_authors.keys() == {*form.first.row_authors}


class Lists(RuleBasedStateMachine):
    """An agent and a person on the same lists, rows within rows included."""

    which = st.integers(0, 30)
    author = st.sampled_from([AGENT, USER])

    @initialize()
    def begin(self) -> None:
        self.form = Form(schema=WIDE)

    def some(self, keys: Any, which: int) -> str:
        found = [*keys]
        return found[which % len(found)] if found else "lines/r0"

    def do(self, role: Role, play: Callable[[FormFillHandler, Session], Any]) -> None:
        self.form.take_turn(role, lambda draft: play(self.form.mode, draft))

    @rule(author=author, which=which)
    def remove(self, author: Role, which: int) -> None:
        key = self.some(self.form.session.row_authors, which)
        self.do(author, lambda mode, draft: mode.remove_row(draft, key))

    @rule(author=author, which=which, place=st.integers(0, 4))
    def move(self, author: Role, which: int, place: int) -> None:
        key = self.some(self.form.session.row_authors, which)
        ids = self.form.session.rows.get(key.rpartition("/")[0], ())
        after = ids[place - 1] if 0 < place <= len(ids) else None
        self.do(author, lambda mode, draft: mode.move_row(draft, key, after))

    @rule(author=author, which=which)
    def add(self, author: Role, which: int) -> None:
        list_key = self.some(["lines", *self.form.session.rows], which)
        self.do(author, lambda mode, draft: mode.add_row(draft, list_key, {}))

    @rule(author=author, which=which, value=st.integers(0, 3))
    def write(self, author: Role, which: int, value: int) -> None:
        row = self.some(self.form.session.row_authors, which)
        name = "kg" if "/bags/" in row else "amount"
        self.do(author, lambda mode, draft: mode.set_value(draft, f"{row}/{name}", value))

    @rule(author=author, amounts=st.lists(st.integers(0, 3), max_size=2))
    def replace(self, author: Role, amounts: list[int]) -> None:
        value = [{"amount": amount, "bags": [{"kg": amount}]} for amount in amounts]
        self.do(author, lambda mode, draft: mode.set_value(draft, "lines", value))

    @rule(which=which)
    def release(self, which: int) -> None:
        key = self.some(self.form.session.row_authors, which)
        if key in self.form.session.row_authors:
            self.do(USER, lambda _, draft: rows.release(draft, key))

    @rule(which=st.none() | which)
    def revert(self, which: int | None) -> None:
        session = self.form.session
        displaced = session.displaced.row_authors if session.displaced else {}
        persons = {key: field for key, field in session.values.items() if field.by in ("user", "user_edit")}
        keys = [] if which is None else [self.some([*session.row_authors, *displaced], which)]
        reverted = self.form.revert(*keys)
        after = self.form.session
        assert persons.items() <= after.values.items(), "the person's stay"
        moved = {row.rpartition("/")[2] for row in reverted}
        gone = tuple(f"{key}/" for key in reverted if key not in after.row_authors)
        for list_key, ids in session.rows.items():
            if list_key.startswith(gone):
                continue
            stayed = [row for row in ids if row not in moved]
            assert [row for row in after.rows.get(list_key, ()) if row in stayed] == stayed
        if which is None:
            assert not [key for key, field in after.values.items() if field.by == "ai"]
            left = [*after.displaced.row_authors] if after.displaced else []
            for key in left:
                list_key = key.rpartition("/")[0]
                full = self.form.mode.form_of(after).rows_left(list_key) <= 0
                assert full or any(key.startswith(f"{other}/") for other in left), "there was room for it"

    @invariant()
    def the_folded_log_is_what_there_is(self) -> None:
        session, first = self.form.session, self.form.first
        frames = [frame(event, USER, epoch=session.epoch, values=session.values) for event in self.form.log]
        assert fold_rows(first.rows, frames) == {key: [*ids] for key, ids in session.rows.items()}
        start = {key: {"value": one.value, "by": one.by, "rev": one.rev} for key, one in first.values.items()}
        held = {key: (one.value, one.by, one.rev) for key, one in session.values.items()}
        assert fold_values(start, frames) == held

    @invariant()
    def every_byte_is_counted_once(self) -> None:
        session = self.form.session
        values = sum(len(key) + len(to_json(field.kept)) for key, field in session.values.items())
        kept = sum(len(key) + len(to_json(field.kept)) for key, field in session.before.items())
        keys = 2 * sum(map(len, session.row_authors))
        displaced = session.displaced.size if session.displaced else 0
        assert session.size == values + kept + keys + displaced
        assert session.displaced is None or not session.displaced.row_authors.keys() & session.row_authors.keys()


TestLists = Lists.TestCase
TestLists.settings = settings(stateful_step_count=30)
