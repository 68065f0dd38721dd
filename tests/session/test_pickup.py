"""The state machine of a pickup: open, taken by one client, told to the person."""

from __future__ import annotations

import pytest

from handshake_prompt.protocol.credentials import Role, digest_token, matches_digest
from handshake_prompt.protocol.pickup_errors import PickupNotFoundError, PickupTakenError
from handshake_prompt.session import REVOKED, Session, Turn, pickup
from handshake_prompt.session.pickup_record import Pickup
from tests.support.sessions import blank_session

CODE, NOW = "7K3MQ2VX01TD", 100.0


def opened(**members: object) -> Session:
    """Return a session with an open pickup, in a turn of an agent's."""
    session = blank_session().checkout(Turn(Role.AGENT, NOW))
    known = {
        "code_digest": digest_token(CODE),
        "salt": "s" * 32,
        "expires_at": NOW + 600,
        "until": "",
        "language": "en",
    }
    session.pickup = Pickup(**{**known, **members})  # type: ignore[arg-type]
    return session


def exchange(session: Session, key: str, *, code: str = CODE, now: float = NOW) -> str | None:
    return pickup.exchange_code(session, code, key, name="", now=now)


def kinds(session: Session) -> list[str]:
    return [event.type for event in session.turn.events] if session.turn else []


def test_the_first_client_is_given_the_only_token() -> None:
    session = opened()
    token = exchange(session, "mine")
    assert token is not None
    assert len(token) == 32
    assert matches_digest(token, session.token_digest)
    assert kinds(session) == ["rotated", "pickedUp"]
    assert session.pickup is not None
    assert session.pickup.taken_at > ""


def test_the_same_client_is_given_the_same_token_and_nothing_more_happens() -> None:
    session = opened()
    token, logged = exchange(session, "mine"), kinds(session)
    assert exchange(session, "mine") == pickup.token_given_before(session, CODE, "mine", NOW) == token
    assert kinds(session) == logged


def test_another_client_is_given_nothing_and_the_person_is_told() -> None:
    session = opened()
    token = exchange(session, "mine")
    assert [exchange(session, f"other {n}") for n in range(3)] == [None] * 3
    assert kinds(session)[2:] == ["pickupRefused"] * 3
    assert session.pickup is not None
    assert session.pickup.refused == 3
    assert matches_digest(token, session.token_digest)


def test_a_token_depends_on_the_code_the_key_and_the_session() -> None:
    other = "7K3MQ2VX01TE"
    tokens = {
        exchange(opened(), "mine"),
        exchange(opened(), "another"),
        exchange(opened(code_digest=digest_token(other)), "mine", code=other),
        exchange(opened(salt="t" * 32), "mine"),
    }
    assert len(tokens) == 4


def test_no_token_begins_like_an_option_of_a_command() -> None:
    assert not any(str(exchange(opened(), str(n))).startswith("-") for n in range(500))


def test_nothing_that_opens_a_session_is_kept() -> None:
    session = opened()
    token = exchange(session, "a key of the client's")
    kept = str(session.pickup) + session.token_digest
    assert not any(secret in kept for secret in (CODE, "a key of the client's", str(token)))


@pytest.mark.parametrize("end", ["time", "code", "rotation", "end", "none"])
def test_a_code_that_is_not_the_sessions_any_more_opens_nothing(end: str) -> None:
    session = opened()
    before = session.token_digest
    code, now = CODE, NOW
    if end == "time":
        now = NOW + 600
    elif end == "code":
        code = "7K3MQ2VX01TE"
    elif end == "end":
        session.end(REVOKED)
    else:
        session.pickup = None
    with pytest.raises(PickupNotFoundError):
        exchange(session, "mine", code=code, now=now)
    with pytest.raises(PickupNotFoundError):
        pickup.token_given_before(session, code, "mine", now)
    assert session.token_digest == before


def test_only_so_many_tries_are_told_and_the_rest_is_refused_without_a_change() -> None:
    session = opened(taken_at="2026-01-01T00:00:00+00:00", refused=pickup.MOST_TOLD)
    with pytest.raises(PickupTakenError):
        pickup.token_given_before(session, CODE, "mine", NOW)
