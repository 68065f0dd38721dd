"""Suggestions, edits, notes and reverts of two agents and a person on the same fields: I1, I4, every byte counted."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from msgspec.structs import replace

from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.errors import HandshakeError
from handshake_prompt.protocol.events import Change, Event, Notice, frame
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.packing import to_json
from handshake_prompt.session import Session, Turn, requests, rows
from handshake_prompt.session.aftermath import conclude_turn
from handshake_prompt.session.annotation import annotate_write
from handshake_prompt.session.authors import By
from handshake_prompt.session.notes import Note
from handshake_prompt.session.request_record import Request
from handshake_prompt.session.revert import revert_writes
from handshake_prompt.stores.codec import pack_session, unpack_session
from tests.session.test_requests import NOON, decide, suggestion
from tests.support.sessions import blank_session

LIMITS = Limits(open_requests=6, ended_requests=3)
AGENT, USER = Role.AGENT, Role.USER


class Page:
    """A session that is saved after each turn, and its log."""

    def __init__(self, **defaults: Any) -> None:
        self.log: list[Event] = []
        self.session = blank_session()
        draft = self.begin(USER)
        for key, value in defaults.items():
            draft.give(key, value, by=By.DEFAULT)
        self.save(draft)
        self.first = self.session

    def begin(self, role: Role) -> Session:
        return self.session.checkout(Turn(role, NOON))

    def save(self, draft: Session, now: float = 1.0) -> None:
        conclude_turn(draft, self.session, now, LIMITS)
        self.log += draft.commit()
        self.session = unpack_session(pack_session(draft))

    def act(self, key: str, value: Any, **note: Any) -> None:
        draft = self.begin(AGENT)
        outcome = draft.write(key, value)
        if note and outcome.status == "applied":
            annotate_write(draft, key, outcome.seq, Note(**note))
        self.save(draft)

    def edit(self, key: str, value: Any) -> None:
        draft = self.begin(USER)
        draft.write(key, value)
        self.save(draft)

    def revert(self, *keys: str) -> list[str]:
        draft = self.begin(USER)
        reverted = revert_writes(draft, keys or None)
        self.save(draft)
        return reverted

    def held(self) -> dict[str, tuple[Any, str]]:
        return {key: (field.value, field.by) for key, field in self.session.values.items()}


def test_a_revert_brings_back_what_stood_there_before_the_agent_however_often_it_wrote() -> None:
    page = Page(name="old", list=[1])
    for value in ("a", "b"):
        page.act("name", value)
        page.act("list", [value])
        page.act("new", value)
    assert sorted(page.revert()) == ["list", "name", "new"]
    assert page.held() == {"name": ("old", "default"), "list": ([1], "default"), "new": (None, "empty")}
    assert page.session.before == {}


def test_a_revert_leaves_what_the_person_wrote() -> None:
    page = Page(name="old", city="there")
    page.act("name", "a")
    page.act("city", "b")
    page.edit("name", "mine")
    assert page.revert() == ["city"]
    assert page.held() == {"name": ("mine", "user_edit"), "city": ("there", "default")}
    assert page.revert() == []


def test_a_revert_is_of_the_fields_named() -> None:
    page = Page()
    page.act("name", "a")
    page.act("city", "b")
    assert page.revert("name", "nobody") == ["name"]
    assert page.held() == {"name": (None, "empty"), "city": ("b", "ai")}


def test_what_the_person_wrote_is_no_longer_kept_to_be_restored() -> None:
    page = Page(name="old")
    page.act("name", "a")
    assert page.session.before.keys() == {"name"}
    page.edit("name", "mine")
    assert page.session.before == {}
    draft = page.begin(USER)
    draft.release("name")
    page.save(draft)
    page.act("name", "b")
    page.revert()
    assert page.held() == {"name": ("mine", "default")}


def test_rooms_are_those_of_the_sides_whose_values_they_are() -> None:
    page = Page(name="x" * 100)
    before = page.session.held_by(USER)
    page.act("name", "y" * 10)
    assert page.session.held_by(USER)[:2] == before[:2], "what can be restored has left the person's room"
    page.revert()
    assert page.session.held_by(USER) == before
    assert page.session.held_by(AGENT) == (0, 0, 0)


def test_notes_go_with_the_value_and_with_its_event() -> None:
    page = Page()
    page.act("name", "a", source="invoice.pdf", confidence=0.5)
    note = {"source": "invoice.pdf", "confidence": 0.5}
    record = dict(page.session.context(AGENT)["name"])
    assert {name: record.get(name) for name in note} == note
    shown = frame(page.log[-1], USER, epoch="e", values=page.session.values)
    assert {name: shown.get(name) for name in note} == note
    size = page.session.size
    page.act("name", "a")
    assert page.session.notes == {}
    assert page.session.size == size - len(to_json(note))
    assert "source" not in to_json(page.session.context(AGENT)).decode()


def test_a_note_is_of_the_last_write_of_a_turn_alone() -> None:
    page = Page()
    draft = page.begin(AGENT)
    first = draft.write("name", "a")
    draft.write("name", "b")
    annotate_write(draft, "name", first.seq, Note(source="one"))
    page.save(draft)
    assert page.session.notes == {}
    events = [event.note for event in page.log if isinstance(event, Change)]
    assert events == [{"source": "one"}, None]


def test_an_accepted_suggestion_names_its_source_in_log_and_record() -> None:
    page = Page()
    page.edit("name", "mine")
    draft = page.begin(AGENT)
    request = requests.ask(draft, suggestion(draft, "name", "better"), limits=LIMITS)
    page.save(draft)
    draft = page.begin(USER)
    decide(draft, request, "accept")
    page.save(draft)
    event = next(event for event in reversed(page.log) if isinstance(event, Change))
    assert (event.type, event.by, event.note) == ("edit", "user", {"request": request.id})
    assert page.session.notes["name"].request == request.id


def test_a_suggestion_for_a_cell_dies_with_its_row() -> None:
    page = Page()
    page.session = blank_session(rows={"lines": ("r1",)}, row_authors={"lines/r1": By.DEFAULT}, last_row=1)
    draft = page.begin(AGENT)
    request = suggestion(draft, "lines/r1/amount", 3)
    assert requests.row_around(draft, "lines/r1/amount") == "lines/r1"
    requests.ask(draft, replace(request, row="lines/r1"), limits=LIMITS)
    page.save(draft)
    draft = page.begin(USER)
    rows.remove(draft, "lines/r1")
    page.save(draft)
    assert [one.status for one in page.session.requests.values()] == ["superseded"]


class Together(RuleBasedStateMachine):
    """Two agents and a person, in any order."""

    keys = st.sampled_from(["name", "city", "new"])

    @initialize()
    def begin(self) -> None:
        self.page = Page(name="old", city="there")
        self.locked: dict[str, int] = {}
        self.opened: list[Request] = []

    @rule(key=keys, value=st.integers(0, 3), source=st.sampled_from([None, "here"]))
    def act(self, key: str, value: int, source: str | None) -> None:
        self.page.act(key, value, **({"source": source} if source else {}))

    @rule(key=keys, value=st.integers(0, 3), name=st.sampled_from(["A", "B"]))
    def suggest(self, key: str, value: int, name: str) -> None:
        draft = self.page.begin(AGENT)
        try:
            self.opened.append(requests.ask(draft, suggestion(draft, key, value, name=name), limits=LIMITS))
        except HandshakeError:
            return
        self.page.save(draft)

    @rule(key=keys, value=st.integers(0, 3))
    def edit(self, key: str, value: int) -> None:
        self.page.edit(key, value)

    @rule(key=keys)
    def release(self, key: str) -> None:
        draft = self.page.begin(USER)
        draft.release(key)
        self.page.save(draft)

    @rule(which=st.integers(0, 20), decision=st.sampled_from(["accept", "decline"]))
    def decide(self, which: int, decision: str) -> None:
        if not self.opened:
            return
        draft = self.page.begin(USER)
        try:
            decide(draft, self.opened[which % len(self.opened)], decision)
        except HandshakeError:
            return
        self.page.save(draft)

    @rule(key=st.sampled_from(["name", "city", "new", ""]))
    def revert(self, key: str) -> None:
        before = self.page.held()
        reverted = self.page.revert(*([key] if key else []))
        for name, (value, by) in self.page.held().items():
            assert name in reverted or before[name] == (value, by)
            assert not (name in reverted and before[name][1] != "ai")

    @invariant()
    def no_write_of_an_agents_follows_one_of_the_persons(self) -> None:
        persons: set[str] = set()
        for event in self.page.log:
            if isinstance(event, Change):
                assert event.type == "edit" or event.key not in persons, "I1"
                mine = event.by in (By.USER, By.USER_EDIT)
                persons = persons | {event.key} if mine else persons - {event.key}

    @invariant()
    def the_folded_log_is_the_context(self) -> None:
        folded: dict[str, Any] = {key: {"value": f.kept, "by": f.by} for key, f in self.page.first.values.items()}
        open_ones: dict[str, Any] = {}
        for event in self.page.log:
            told = frame(event, USER, epoch=self.page.session.epoch, values=self.page.session.values)
            if isinstance(event, Change):
                folded[event.key] = {name: told[name] for name in ("value", "by")} | (event.note or {})
            elif isinstance(event, Notice) and event.type == "asked":
                open_ones[told["id"]] = told
            elif "id" in told:
                open_ones.pop(told["id"])
        context = self.page.session.context(USER)
        held = {key: plain(record) for key, record in context.items()}
        assert held == {key: plain(record) for key, record in folded.items()}
        shown = {one["id"]: one for one in requests.visible_requests(self.page.session, USER, 1.0)}
        assert shown.keys() == open_ones.keys()
        for id_, one in shown.items():
            assert one.items() <= open_ones[id_].items()

    @invariant()
    def every_byte_is_counted_once(self) -> None:
        session = self.page.session
        values = sum(len(key) + len(to_json(field.kept)) for key, field in session.values.items())
        kept = sum(len(key) + len(to_json(field.kept)) for key, field in session.before.items())
        notes = sum(note.size for note in session.notes.values())
        asked = sum(one.size for one in session.requests.values())
        assert session.size == values + kept + notes + asked
        of_agent = sum(len(k) + len(to_json(f.kept)) for k, f in session.values.items() if f.by == By.AI)
        assert session.agent_size == of_agent + notes + asked


def plain(record: Any) -> dict[str, Any]:
    members = record if isinstance(record, dict) else {"value": record.kept, "by": record.by}
    return {name: member for name, member in members.items() if name not in ("at", "rev")}


TestTogether = Together.TestCase
TestTogether.settings = settings(stateful_step_count=30)


@pytest.mark.parametrize("role", [AGENT, USER])
def test_a_turn_without_a_write_changes_nothing(role: Role) -> None:
    page = Page(name="old")
    page.act("name", "a", source="here")
    before = pack_session(page.session)
    page.save(page.begin(role))
    assert pack_session(page.session) == before
