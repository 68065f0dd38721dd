"""Requests: the table of their states, and that the log always agrees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.errors import HandshakeError, InvalidRequestError
from handshake_prompt.protocol.events import Event, Notice
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.packing import pack, unpack
from handshake_prompt.session import Session, Turn, requests
from handshake_prompt.session.authors import By
from handshake_prompt.session.request_record import STEPS, Request
from handshake_prompt.stores.codec import pack_session, unpack_session
from tests.support.sessions import blank_session

NOON = 1_767_268_800.0
AGENT, USER = Role.AGENT, Role.USER
LIMITS = Limits(open_requests=3, ended_requests=2)


def drafted(session: Session, role: Role = USER) -> Session:
    return session.checkout(Turn(role, NOON))


def question(*, until: float = 100.0, **members: Any) -> Request:
    return Request(kind="ask", text="Which?", until=until, opened_at="then", expires_at="soon", **members)


def suggestion(session: Session, key: str, value: Any, *, name: str = "", until: float = 100.0) -> Request:
    members: dict[str, Any] = {"key": key, "kept": pack(value)[0], "rev": requests.field_revision(session, key)}
    members["sensitive"] = session.is_sensitive(key)
    return Request(kind="suggest", name=name, until=until, opened_at="then", expires_at="soon", **members)


def asked(session: Session, request: Request) -> tuple[Session, Request]:
    draft = drafted(session, AGENT)
    opened = requests.ask(draft, request, limits=LIMITS)
    draft.commit()
    return draft, opened


def decide(
    session: Session, request: Request, decision: str, *, now: float = 1.0, digest: str | None = None, **values: Any
) -> Request:
    return requests.answer(
        session,
        request.id,
        decision,
        digest=request.digest if digest is None else digest,
        values=values,
        judge=lambda _: values,
        write=session.write,
        now=now,
    )


def take(step: str, session: Session, request: Request, now: float = 1.0) -> Request:
    """Take a step of the table, as far as it can be taken."""
    if step in ("accept", "decline"):
        return decide(session, request, step, now=now)
    if step == "withdraw":
        return requests.withdraw(session, request.id, now=now)
    if step == "supersede":
        session.write(request.key or "name", "other")
    requests.sweep_requests(session, request.until if step == "expire" else now, LIMITS)
    return session.requests[request.id]


def told(events: list[Event], *kinds: str) -> list[dict[str, Any]]:
    return [event.members for event in events if isinstance(event, Notice) and event.type in kinds]


@pytest.mark.parametrize("step", STEPS)
def test_each_step_ends_an_open_request_and_is_logged_once(step: str) -> None:
    session = blank_session()
    session, request = asked(session, suggestion(session, "name", "better"))
    draft = drafted(session)
    ended = take(step, draft, request)
    assert (ended.status, draft.requests[request.id]) == (STEPS[step].status, ended)
    events = draft.commit()
    assert told(events, STEPS[step].event) == [{"id": request.id, "kind": "suggest", "status": ended.status}]
    assert ended.ended == events[-1].seq


REPEATED = {"accept": "accept", "decline": "decline", "withdraw": "withdraw"}


@pytest.mark.parametrize("second", ["accept", "decline", "withdraw"])
@pytest.mark.parametrize("first", STEPS)
def test_no_step_leads_out_of_an_end_and_a_repeated_one_changes_nothing(first: str, second: str) -> None:
    session = blank_session()
    session, request = asked(session, suggestion(session, "name", "better"))
    draft = drafted(session)
    ended = take(first, draft, request)
    draft.commit()
    again = drafted(draft)
    if first == second:
        assert take(second, again, request) == ended
    else:
        with pytest.raises(HandshakeError) as refused:
            take(second, again, request)
        assert (refused.value.status, refused.value.code) == (409, "request_ended")
    assert again.commit() == []
    assert again.requests == draft.requests


def test_time_that_runs_out_is_no_answer_and_counts_before_the_log_says_so() -> None:
    session, request = asked(blank_session(), question(until=100.0))
    assert request.status_at(99.9) == "open"
    assert request.status_at(100.0) == "expired"
    draft = drafted(session)
    with pytest.raises(HandshakeError) as refused:
        decide(draft, request, "accept", now=100.0)
    assert refused.value.code == "request_ended"
    assert [one["status"] for one in requests.visible_requests(session, AGENT, 100.0)] == ["expired"]
    assert requests.visible_requests(session, USER, 100.0) == []
    requests.sweep_requests(draft, 100.0, LIMITS)
    assert told(draft.commit(), "lapsed") == [{"id": request.id, "kind": "ask", "status": "expired"}]


def test_a_decision_on_something_else_than_was_shown_is_refused() -> None:
    session, first = asked(blank_session(), question())
    session, second = asked(session, question())
    draft = drafted(session)
    for digest in ("", "\ud800", first.digest[:-1], second.digest):
        with pytest.raises(HandshakeError) as refused:
            decide(draft, first, "accept", digest=digest)
        assert (refused.value.status, refused.value.code) == (409, "changed")
    assert draft.commit() == []


def test_two_requests_of_one_content_have_ids_and_digests_of_their_own() -> None:
    session, first = asked(blank_session(), question())
    session, second = asked(session, question())
    assert first.id != second.id
    assert first.digest != second.digest


def test_a_digest_is_another_in_each_session_so_that_nobody_can_check_a_guess() -> None:
    digests = {asked(blank_session(user_digest=name), question())[1].digest for name in ("a", "b")}
    assert len(digests) == 2


def test_of_one_agent_a_field_has_one_open_suggestion() -> None:
    session = blank_session()
    session, first = asked(session, suggestion(session, "name", "one", name="A"))
    session, other = asked(session, suggestion(session, "name", "two", name="B"))
    session, second = asked(session, suggestion(session, "name", "three", name="A"))
    assert {id_: one.status for id_, one in session.requests.items()} == {
        first.id: "superseded",
        other.id: "open",
        second.id: "open",
    }


WRITES: dict[str, Callable[[Session], object]] = {
    "the person edits": lambda session: session.write("name", "mine"),
    "the person types what is suggested": lambda session: session.write("name", "better"),
    "the person types what was there": lambda session: session.write("name", "old"),
    "the person releases": lambda session: session.release("name"),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_suggestion_dies_at_the_first_edit_of_its_field(write: Callable[[Session], object]) -> None:
    draft = drafted(blank_session())
    draft.give("name", "old", by=By.USER)
    draft.commit()
    session, request = asked(draft, suggestion(draft, "name", "better"))
    session, elsewhere = asked(session, suggestion(session, "city", "Ulm"))
    draft = drafted(session)
    write(draft)
    requests.sweep_requests(draft, 1.0, LIMITS)
    assert draft.requests[request.id].status == "superseded"
    assert draft.requests[elsewhere.id].status == "open"


def test_an_acceptance_writes_as_the_person_and_ends_what_others_suggest() -> None:
    session = blank_session()
    session, one = asked(session, suggestion(session, "name", ["one"], name="A"))
    session, two = asked(session, suggestion(session, "name", ["two"], name="B"))
    draft = drafted(session)
    decide(draft, one, "accept")
    requests.sweep_requests(draft, 1.0, LIMITS)
    assert (draft.value("name"), draft.whose("name")) == (["one"], By.USER)
    assert [draft.requests[request.id].status for request in (one, two)] == ["answered", "superseded"]


def test_the_person_may_accept_with_another_value() -> None:
    session = blank_session()
    session, request = asked(session, suggestion(session, "name", "one"))
    draft = drafted(session)
    decide(draft, request, "accept", name="mine")
    assert (draft.value("name"), draft.whose("name")) == ("mine", By.USER)


def test_an_answer_for_a_field_goes_there_and_a_sensitive_one_is_told_as_filled_alone() -> None:
    for sensitive in (False, True):
        session = blank_session(sensitive=("iban",) if sensitive else ())
        session, request = asked(session, question(key="iban", sensitive=sensitive))
        draft = drafted(session)
        decide(draft, request, "accept", iban="DE01", note="x")
        expected: dict[str, Any] = {"values": {"note": "x", "iban": "DE01"}}
        assert (draft.value("iban"), draft.whose("iban")) == ("DE01", By.USER)
        answer = requests.visible_requests(draft, AGENT, 1.0)[0]["answer"]
        assert answer.json is not None
        events = draft.commit()
        if sensitive:
            expected = {"values": {"note": "x"}, "filled": True}
            assert b"DE01" not in b"".join(map(repr_of, events))
        assert decoded(answer) == expected


def repr_of(event: Event) -> bytes:
    return repr(event).encode()


def decoded(kept: Any) -> Any:
    return unpack(kept)


def test_an_acceptance_of_a_field_that_stays_empty_is_refused() -> None:
    session, request = asked(blank_session(), question(key="name"))
    with pytest.raises(InvalidRequestError) as refused:
        decide(drafted(session), request, "accept")
    assert refused.value.code == "missing_answer"


def test_a_sensitive_suggestion_is_shown_to_the_person_alone_and_not_logged() -> None:
    session = blank_session(sensitive=("iban",))
    draft = drafted(session, AGENT)
    requests.ask(draft, suggestion(session, "iban", "DE01"), limits=LIMITS)
    assert [requests.visible_requests(draft, role, 1.0)[0]["value"] for role in (USER, AGENT)] == ["DE01", None]
    assert b"DE01" not in repr_of(draft.commit()[0])


def test_more_than_may_be_open_are_refused_and_none_is_lost() -> None:
    session = blank_session()
    for _ in range(LIMITS.open_requests):
        session, _request = asked(session, question())
    with pytest.raises(HandshakeError) as refused:
        asked(session, question())
    assert (refused.value.status, refused.value.code, bool(refused.value.retry_after)) == (
        429,
        "too_many_requests",
        True,
    )
    assert len(session.requests) == LIMITS.open_requests


def test_the_oldest_ends_make_room_and_bytes_are_counted_to_the_agent() -> None:
    session = blank_session()
    ids = []
    for _ in range(5):
        session, request = asked(session, question())
        draft = drafted(session)
        decide(draft, request, "accept", answer="x" * 100)
        requests.sweep_requests(draft, 1.0, LIMITS)
        draft.commit()
        session = draft
        ids.append(request.id)
    assert list(session.requests) == ids[-LIMITS.ended_requests :]
    assert session.size == session.agent_size == sum(one.size for one in session.requests.values()) > 200
    draft = drafted(session)
    draft.end("revoked")
    assert (draft.requests, draft.size) == ({}, 0)


def test_an_end_is_kept_for_a_while_once_the_agent_was_sent_it() -> None:
    session, request = asked(blank_session(), question())
    draft = drafted(session)
    decide(draft, request, "decline")
    assert requests.has_unread(draft, 50.0, LIMITS)
    requests.note_read(draft, 50.0, LIMITS)
    assert not requests.has_unread(draft, 50.0, LIMITS)
    assert [one["status"] for one in requests.visible_requests(draft, AGENT, 50.0)] == ["declined"]
    assert requests.has_unread(draft, 50.0 + LIMITS.answer_seconds, LIMITS)
    requests.note_read(draft, 50.0 + LIMITS.answer_seconds, LIMITS)
    assert draft.requests == {}
    assert draft.size == 0


def test_an_agent_is_shown_a_new_end_wherever_it_reads_on_from() -> None:
    session, request = asked(blank_session(), question())
    draft = drafted(session)
    decide(draft, request, "accept")
    for _ in range(3):
        draft.write("name", "on and on")
    assert [one["id"] for one in requests.visible_requests(draft, AGENT, 1.0, after=draft.seq)] == [request.id]
    requests.note_read(draft, 1.0, LIMITS)
    assert requests.visible_requests(draft, AGENT, 1.0, after=draft.seq) == []
    assert requests.visible_requests(draft, USER, 1.0) == []


def attempted(work: Callable[[], object]) -> HandshakeError | None:
    """Return the error that `work` is refused with."""
    try:
        work()
    except HandshakeError as error:
        return error
    return None


class Life(RuleBasedStateMachine):
    """Requests asked, answered, withdrawn and left alone, in any order; the folded log is the state."""

    @initialize()
    def begin(self) -> None:
        self.session = blank_session(sensitive=("iban",))
        self.log: list[Event] = []
        self.now = 1.0
        self.ends: dict[str, str] = {}
        self.opened: list[Request] = []

    def save(self, draft: Session) -> None:
        requests.sweep_requests(draft, self.now, LIMITS)
        self.log += draft.commit()
        self.session = unpack_session(pack_session(draft))

    @rule(kind=st.sampled_from(["ask", "suggest"]), key=st.sampled_from(["name", "iban"]), life=st.integers(1, 20))
    def ask(self, kind: str, key: str, life: int) -> None:
        draft = drafted(self.session, AGENT)
        requests.sweep_requests(draft, self.now, LIMITS)
        until = self.now + life
        request = question(until=until) if kind == "ask" else suggestion(draft, key, "better", until=until)
        refusal = attempted(lambda: self.opened.append(requests.ask(draft, request, limits=LIMITS)))
        if refusal is None:
            self.save(draft)
        else:
            assert refusal.status == 429
            assert len([one for one in draft.requests.values() if one.status == "open"]) == LIMITS.open_requests

    @precondition(lambda self: self.opened)
    @rule(step=st.sampled_from(["accept", "decline", "withdraw"]), which=st.integers(0, 30))
    def decide(self, step: str, which: int) -> None:
        request = self.opened[which % len(self.opened)]
        draft = drafted(self.session, STEPS[step].by or USER)
        requests.sweep_requests(draft, self.now, LIMITS)
        before = draft.requests.get(request.id)
        refusal = attempted(lambda: take(step, draft, request, self.now))
        if refusal is None:
            assert before is not None
            assert before.status in ("open", STEPS[step].status)
            self.save(draft)
        else:
            assert refusal.code in ("request_ended", "request_not_found")
            assert before is None or before.status != "open"

    @rule(key=st.sampled_from(["name", "iban"]))
    def edit(self, key: str) -> None:
        draft = drafted(self.session)
        draft.write(key, "mine")
        self.save(draft)

    @rule(seconds=st.integers(1, 10))
    def wait(self, seconds: int) -> None:
        self.now += seconds

    @rule()
    def read(self) -> None:
        draft = drafted(self.session, AGENT)
        requests.note_read(draft, self.now, LIMITS)
        self.save(draft)

    @invariant()
    def the_folded_log_has_every_state_and_no_end_is_left(self) -> None:
        folded: dict[str, str] = {}
        for event in self.log:
            if isinstance(event, Notice):
                assert folded.get(event.members["id"], "open") == "open", "an end was left"
                folded[event.members["id"]] = event.members["status"]
        for id_, one in self.session.requests.items():
            assert one.status == folded[id_]
        open_ones = {id_ for id_, status in folded.items() if status == "open"}
        assert open_ones <= self.session.requests.keys(), "an open request was lost"
        assert len(open_ones) <= LIMITS.open_requests
        assert self.session.agent_size >= sum(one.size for one in self.session.requests.values())


TestLife = Life.TestCase
TestLife.settings = settings(stateful_step_count=30)
