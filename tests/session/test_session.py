"""The session: who may write a field, what the log says of it, and that the two always agree."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.events import Change, Event, Notice
from handshake_prompt.protocol.messages import Outcome
from handshake_prompt.session import Session, Turn
from handshake_prompt.session.authors import By
from handshake_prompt.session.field_value import is_empty
from handshake_prompt.session.session import HIDDEN_BYTES
from handshake_prompt.stores.codec import pack, pack_session, unpack_events, unpack_session
from tests.support.sessions import blank_session

NOON = 1_767_268_800.0
DAY = 86_400.0


def turn(author: Role = Role.AGENT, *, now: float = NOON, **members: Any) -> Turn:
    return Turn(author=author, now=now, **members)


def holding(value: Any = "old", *, by: By = By.EMPTY, sensitive: bool = False) -> Session:
    """Return a session whose field `name` holds a value of somebody's; with `by=EMPTY` it has no such field."""
    session = blank_session().checkout(turn(Role.USER))
    if by is not By.EMPTY:
        session.give("name", value, by=by)
    session.sensitive = ("name",) if sensitive else ()
    session.commit()
    return session


AGENT, USER = Role.AGENT, Role.USER
WRITES: list[tuple[Role, By, By | None]] = [
    (AGENT, By.EMPTY, By.AI),
    (AGENT, By.DEFAULT, By.AI),
    (AGENT, By.AI, By.AI),
    (AGENT, By.USER, None),
    (AGENT, By.USER_EDIT, None),
    (USER, By.EMPTY, By.USER),
    (USER, By.DEFAULT, By.USER),
    (USER, By.AI, By.USER_EDIT),
    (USER, By.USER, By.USER),
    (USER, By.USER_EDIT, By.USER_EDIT),
]
RELEASES: list[tuple[By, By]] = [
    (By.EMPTY, By.EMPTY),
    (By.DEFAULT, By.DEFAULT),
    (By.AI, By.AI),
    (By.USER, By.DEFAULT),
    (By.USER_EDIT, By.DEFAULT),
]


@pytest.mark.parametrize(("author", "before", "after"), WRITES)
def test_i1_whose_a_field_becomes_is_decided_by_its_writer_and_its_owner(
    author: Role, before: By, after: By | None
) -> None:
    session = holding(by=before).checkout(turn(author))
    outcome = session.write("name", "new")
    events = session.commit()
    if after is None:
        assert (outcome.status, outcome.code) == ("rejected", "user_locked")
        assert (session.value("name"), events, session.seq) == ("old", [], 0)
    else:
        assert (outcome.status, outcome.seq) == ("applied", 1)
        assert session.values["name"].by == after
        assert [event.type for event in events] == ["action" if author is AGENT else "edit"]


@pytest.mark.parametrize(("before", "after"), RELEASES)
def test_a_release_returns_what_is_the_persons_and_nothing_else(before: By, after: By) -> None:
    session = holding(by=before).checkout(turn(USER))
    outcome = session.release("name")
    events = session.commit()
    assert (outcome.status, session.whose("name")) == ("applied", after)
    assert session.value("name") == (None if before is By.EMPTY else "old")
    assert [(event.type, event.by) for event in events if isinstance(event, Change)] == (
        [("edit", after)] if before is not after else []
    )


@pytest.mark.parametrize("before", list(By))
def test_i1_an_agent_cannot_release(before: By) -> None:
    original = holding(by=before)
    session = original.checkout(turn(AGENT))
    outcome = session.release("name")
    assert (outcome.status, outcome.code) == ("rejected", "user_required")
    assert (session.commit(), session.values) == ([], original.values)


@pytest.mark.parametrize(
    ("if_rev", "status"), [(None, "applied"), (1, "applied"), (0, "rejected"), (2, "rejected"), (-1, "rejected")]
)
def test_a_conditional_write_needs_the_values_present_revision(if_rev: int | None, status: str) -> None:
    session = holding().checkout(turn())
    session.write("name", "first")
    outcome = session.write("name", "second", if_rev=if_rev)
    assert outcome.status == status
    if status == "rejected":
        assert outcome.code == "stale"
        assert outcome.current is not None
        assert (outcome.current["value"], outcome.current["rev"]) == ("first", 1)


def test_a_conditional_write_to_a_field_that_is_not_there_expects_revision_0() -> None:
    session = holding().checkout(turn())
    assert session.write("name", 1, if_rev=1).code == "stale"
    assert session.write("name", 1, if_rev=0).status == "applied"


def test_a_refusal_tells_an_agent_nothing_of_a_sensitive_value() -> None:
    session = holding("DE89 3704", by=By.USER, sensitive=True).checkout(turn())
    refused = session.write("name", "x")
    assert "89 3704" not in repr(refused)
    assert refused.current is not None
    assert (refused.current["value"], refused.current["filled"]) == (None, True)


@pytest.mark.parametrize(("value", "filled"), [("x", True), (0, True), (False, True), ("", False), (None, False)])
def test_a_sensitive_value_is_shown_to_the_person_and_to_the_agent_only_whether_it_is_there(
    value: Any, *, filled: bool
) -> None:
    session = holding(value, by=By.DEFAULT, sensitive=True)
    assert session.field_record("name", USER)["value"] == value
    assert "sensitive" not in session.field_record("name", USER)
    shown = session.field_record("name", AGENT)
    seen_by_user: Mapping[str, object] = session.context(USER)
    assert (seen_by_user, session.context(AGENT)) == (session.values, {"name": shown})
    assert (shown["value"], shown["sensitive"], shown["filled"]) == (None, True, filled)


OUTSIDE_A_TURN: dict[str, Callable[[Session], object]] = {
    "write": lambda session: session.write("name", "new"),
    "release": lambda session: session.release("name"),
    "give": lambda session: session.give("name", "new", by=By.DEFAULT),
    "notice": lambda session: session.notice("done"),
}


@pytest.mark.parametrize("change", OUTSIDE_A_TURN.values(), ids=OUTSIDE_A_TURN)
def test_a_session_is_changed_inside_a_turn_only(change: Callable[[Session], object]) -> None:
    session = holding(by=By.USER)
    with pytest.raises(RuntimeError, match="turn"):
        change(session)
    assert session.value("name") == "old"


@pytest.mark.parametrize("value", [None, "", [], {}])
@pytest.mark.parametrize(("by", "held"), [(By.USER, By.EMPTY), (By.DEFAULT, By.DEFAULT)])
def test_a_person_who_gave_nothing_owns_nothing(value: Any, by: By, held: By) -> None:
    assert holding(value, by=by).values["name"].by == held


@pytest.mark.parametrize(("value", "empty"), [(0, False), (0.0, False), (False, False), (" ", False), ([None], False)])
def test_zero_and_false_are_values(value: Any, *, empty: bool) -> None:
    assert is_empty(value) is empty


def test_an_ended_session_keeps_its_name_its_digests_and_the_reason() -> None:
    session = holding("secret text", by=By.USER)
    session.meta, session.schema, session.state = {"page": "secret"}, [{"key": "secret"}], {"x": "secret"}
    draft = session.checkout(turn(USER))
    draft.write("name", "secret too")
    draft.end("revoked")
    assert draft.commit() == []
    kept = msgspec.json.encode(draft)
    assert b"secret" not in kept
    assert (draft.ended, draft.size, draft.token_digest, draft.user_digest) == ("revoked", 0, "a", "u")


def test_schema_and_meta_count_into_the_size_of_a_session_that_is_kept() -> None:
    session = holding("v", by=By.USER)
    values = session.size
    session.meta, session.schema = {"m": "x" * 100}, [{"key": "k" * 50}]
    session.settle()
    assert session.size == values + len('{"m":""}') + 100 + len('[{"key":""}]') + 50


# Times


def test_no_two_changes_of_one_turn_share_an_instant() -> None:
    """A microsecond is less than four steps of a float of this size: adding one to a float drifts into repetition."""
    session = blank_session().checkout(turn(now=1_763_827_200.123))
    for number in range(500):
        session.write("name", number)
    times = [event.at for event in session.commit()]
    assert times == sorted(set(times))


# The machine: any history of turns, against a model that knows owners and nothing else


class Held(NamedTuple):
    value: Any
    by: str
    rev: int


NOTHING = Held(None, "empty", 0)


class Model:
    """What the specification says in words: a person's field is closed to the agent until the person releases it."""

    def __init__(self) -> None:
        self.fields: dict[str, Held] = {}
        self.seq = 0

    def write(self, author: Role, key: str, value: Any, if_rev: int | None) -> str:
        held = self.fields.get(key, NOTHING)
        if author is Role.AGENT and held.by.startswith("user"):
            return "user_locked"
        if if_rev not in (None, held.rev):
            return "stale"
        self.seq += 1
        corrects = held.by in ("ai", "user_edit")
        by = "ai" if author is Role.AGENT else "user_edit" if corrects else "user"
        self.fields[key] = Held(value, by, self.seq)
        return "applied"

    def release(self, author: Role, key: str) -> str:
        if author is Role.AGENT:
            return "user_required"
        held = self.fields.get(key, NOTHING)
        if held.by.startswith("user"):
            self.seq += 1
            self.fields[key] = Held(held.value, "default", self.seq)
        return "applied"

    def notice(self) -> str:
        self.seq += 1
        return "applied"

    def copy(self) -> Model:
        twin = Model()
        twin.fields, twin.seq = dict(self.fields), self.seq
        return twin


class Step(NamedTuple):
    do: str
    key: str = ""
    value: Any = None
    if_rev: int | None = None


keys = st.sampled_from(["name", "age", "名"])
values = st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3) | st.lists(st.integers(0, 9), max_size=2)
steps = st.one_of(
    st.builds(Step, st.just("write"), keys, values, st.none() | st.integers(0, 12)),
    st.builds(lambda key: Step("release", key), keys),
    st.just(Step("notice")),
)
jumps = st.sampled_from([0.0, 0.0, 1e-6, 0.25, -0.25, 3600.0, -3600.0, DAY, -DAY])


def play(session: Session, step: Step) -> str:
    """Play one step on a session and return its status or the code of its refusal."""
    if step.do == "notice":
        session.notice("done", applied=1)
        return "applied"
    outcome: Outcome = (
        session.release(step.key) if step.do == "release" else session.write(step.key, step.value, if_rev=step.if_rev)
    )
    return outcome.code or outcome.status


def play_on_model(model: Model, author: Role, step: Step) -> str:
    if step.do == "notice":
        return model.notice()
    if step.do == "release":
        return model.release(author, step.key)
    return model.write(author, step.key, step.value, step.if_rev)


def fold(initial: dict[str, Held], log: list[Event]) -> dict[str, Held]:
    folded = dict(initial)
    for event in log:
        if isinstance(event, Change):
            assert event.previous == folded.get(event.key, NOTHING).value
            folded[event.key] = Held(event.value, event.by, event.seq)
    return folded


class SessionMachine(RuleBasedStateMachine):
    """Turns by both authors, kept and thrown away, under a wall clock that jumps."""

    def __init__(self) -> None:
        super().__init__()
        self.session = blank_session()
        self.model = Model()
        self.initial: dict[str, Held] = {}
        self.log: list[Event] = []
        self.now = NOON

    @initialize(given=st.dictionaries(keys, st.tuples(values, st.sampled_from([By.DEFAULT, By.USER]))))
    def set_up(self, given: dict[str, tuple[Any, By]]) -> None:
        draft = self.session.checkout(turn(USER))
        for key, (value, by) in given.items():
            draft.give(key, value, by=by)
            owned = by is By.DEFAULT or not is_empty(value)
            self.initial[key] = Held(value, str(by) if owned else "empty", 0)
        assert draft.commit() == []
        self.session, self.model.fields = draft, dict(self.initial)

    @rule(author=st.sampled_from(Role), batch=st.lists(steps, min_size=1, max_size=5), kept=st.booleans(), jump=jumps)
    def turn(self, author: Role, batch: list[Step], *, kept: bool, jump: float) -> None:
        self.now += jump
        draft, model = self.session.checkout(turn(author, now=self.now)), self.model.copy()
        for step in batch:
            assert play(draft, step) == play_on_model(model, author, step)
        events = draft.commit()
        if kept:
            self.session, self.model = draft, model
            self.log += events

    @invariant()
    def i2_seq_is_contiguous(self) -> None:
        assert [event.seq for event in self.log] == list(range(1, self.session.seq + 1))
        assert self.session.cursor == (self.session.epoch, self.model.seq)

    @invariant()
    def i4_folding_the_log_gives_the_values(self) -> None:
        held = {key: Held(field.value, field.by, field.rev) for key, field in self.session.values.items()}
        assert held == self.model.fields == fold(self.initial, self.log)

    @invariant()
    def i1_no_agent_writes_after_a_person_before_a_release(self) -> None:
        theirs = {key for key, held in self.initial.items() if held.by == "user"}
        for event in self.log:
            if not isinstance(event, Change):
                continue
            assert event.type == "edit" or event.key not in theirs
            (theirs.add if event.by.startswith("user") else theirs.discard)(event.key)

    @invariant()
    def times_only_go_forward(self) -> None:
        assert all(before.at < after.at for before, after in pairwise(self.log))
        written = {event.seq: event.at for event in self.log}
        assert all(field.at == written[field.rev] for field in self.session.values.values() if field.rev)

    @invariant()
    def size_is_that_of_the_values(self) -> None:
        sizes = (len(key) + len(msgspec.json.encode(field.value)) for key, field in self.session.values.items())
        assert self.session.size == sum(sizes)

    @invariant()
    def session_and_log_survive_being_kept(self) -> None:
        assert unpack_session(pack_session(self.session)) == self.session
        assert unpack_events(pack(self.log)) == self.log


TestSessionMachine = SessionMachine.TestCase
TestSessionMachine.settings = settings(max_examples=120, stateful_step_count=20, deadline=None)


def test_a_notice_is_logged_in_its_place_and_survives_json() -> None:
    session = blank_session().checkout(turn())
    session.write("name", "x")
    session.notice("done", applied=1, rejected=["age"])
    change, notice = msgspec.json.decode(msgspec.json.encode(session.commit()), type=list[Event])
    assert isinstance(change, Change)
    assert isinstance(notice, Notice)
    assert (notice.type, notice.seq, notice.members) == ("done", 2, {"applied": 1, "rejected": ["age"]})


def test_a_change_carries_how_it_is_to_be_shown_and_to_whom_not() -> None:
    session = holding("old", by=By.DEFAULT, sensitive=True).checkout(turn(source="tab-1", pace=0.3))
    session.write("name", "new")
    (change,) = session.commit()
    assert isinstance(change, Change)
    assert (change.source, change.pace, change.sensitive) == ("tab-1", 0.3, True)


@pytest.mark.parametrize("value", ["x", "DE89 3704" * 100, True, False, None, {"a": [1]}], ids=str)
def test_the_log_keeps_no_sensitive_value_and_not_its_size(value: Any) -> None:
    session = holding("before", by=By.DEFAULT, sensitive=True).checkout(turn())
    session.write("name", value)
    (change,) = session.commit()
    assert isinstance(change, Change)
    assert (change.value, change.previous, change.size) == (None, None, HIDDEN_BYTES)
    assert session.value("name") == value
