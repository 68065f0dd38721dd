"""Submissions: the table of their states."""

from __future__ import annotations

import pytest

from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.errors import HandshakeError
from handshake_prompt.protocol.events import Notice
from handshake_prompt.session import Session, Turn, submission as states
from handshake_prompt.session.authors import By
from handshake_prompt.session.digests import state_digest
from handshake_prompt.session.submission_record import Submission
from handshake_prompt.stores.codec import pack_session, unpack_session
from tests.support.sessions import blank_session

UNTIL = 100.0
PROBLEMS = [{"keys": ["name"], "msg": "Too short"}]


def draft_of(session: Session) -> Session:
    return session.checkout(Turn(Role.USER, 0.0))


def filled() -> Session:
    draft = draft_of(blank_session())
    draft.give("name", "Ada", by=By.USER)
    draft.commit()
    return draft


def claim(session: Session, now: float = 1.0, *, name: str = "1", digest: str | None = None) -> Submission:
    shown = state_digest(session) if digest is None else digest
    return states.claim(session, Submission(id=name, digest=shown, until=UNTIL, authors={"name": "user"}), now)


def in_state(state: str) -> Session:
    """Return a session with a submission in a state."""
    draft = draft_of(filled())
    if state == "open":
        return draft
    made = claim(draft)
    if state == "failed":
        states.fail(draft, made, PROBLEMS, "")
    if state == "refused":
        states.fail(draft, made, (), "The office is closed")
    if state == "unknown":
        states.lose(draft, made)
    return unpack_session(pack_session(committed(draft)))


def committed(draft: Session) -> Session:
    draft.commit()
    return draft


TABLE = [
    ("open", 1.0, "same", "claimed"),
    ("claimed", 1.0, "same", "submission_in_progress"),
    ("claimed", 1.0, "written since", "submission_in_progress"),
    ("claimed", UNTIL, "same", "submission_unknown"),
    ("claimed", UNTIL, "written since", "submission_unknown"),
    ("failed", 1.0, "same", "invalid_form"),
    ("failed", 1.0, "written since", "claimed"),
    ("refused", 1.0, "same", "submission_refused"),
    ("refused", 1.0, "written since", "claimed"),
    ("unknown", 1.0, "same", "submission_unknown"),
    ("unknown", 1.0, "written since", "submission_unknown"),
    ("open", 1.0, "another digest", "changed"),
    ("failed", 1.0, "another digest", "changed"),
]


@pytest.mark.parametrize(("state", "now", "shown", "expected"), TABLE)
def test_a_claim_is_taken_or_refused_as_the_table_says(state: str, now: float, shown: str, expected: str) -> None:
    draft = draft_of(in_state(state))
    if shown == "written since":
        draft.write("name", "Bea")
    before = draft.submission
    digest = "0" * 64 if shown == "another digest" else None
    if expected == "claimed":
        assert (claim(draft, now, name="2", digest=digest).id, draft.submission) != ("1", before)
        return
    with pytest.raises(HandshakeError) as refused:
        claim(draft, now, name="2", digest=digest)
    assert (refused.value.code, draft.submission) == (expected, before)


def test_an_end_as_submitted_leaves_the_receipt_alone() -> None:
    draft = draft_of(in_state("open"))
    made = claim(draft)
    assert states.is_pending(draft, made)
    done = states.finish(draft, made, at="then", result=["a"])
    kept = unpack_session(pack_session(committed(draft)))
    assert (kept.ended, kept.values, kept.submission) == ("submitted", {}, done)
    assert not states.is_pending(kept, made)
    receipt = {"ok": True, "id": "1", "at": "then", "digest": made.digest, "authors": {"name": "user"}}
    assert {name: done.receipt()[name] for name in receipt} == receipt
    assert done.wire_members() == {"id": "1", "state": "done"}


def test_an_outcome_is_of_its_own_claim_alone() -> None:
    draft = draft_of(in_state("claimed"))
    made = draft.submission
    assert made is not None
    states.lose(draft, made)
    assert not states.is_pending(draft, made)
    ended = draft_of(in_state("claimed"))
    ended.end("revoked")
    assert ended.submission is None
    assert not states.is_pending(ended, made)


def test_each_step_is_logged() -> None:
    draft = draft_of(filled())
    states.fail(draft, claim(draft), PROBLEMS, "")
    events = [(event.type, event.members.get("state")) for event in draft.commit() if isinstance(event, Notice)]
    assert events == [("submission", "claimed"), ("submission", "failed"), ("problems", None)]


def test_two_sessions_with_one_content_and_two_states_with_one_value_have_digests_of_their_own() -> None:
    one, two = filled(), filled()
    two.user_digest = "another"
    assert state_digest(one) != state_digest(two)
    draft = draft_of(one)
    digests = {state_digest(draft)}
    for value in ("Bea", "Ada", "Ada"):
        draft.write("name", value)
        digests.add(state_digest(draft))
    assert len(digests) == 4
    assert state_digest(unpack_session(pack_session(committed(draft)))) in digests
