"""Open requests under a changed schema: judged in the time of one batch."""

from __future__ import annotations

from typing import Any

import pytest

from handshake_prompt.modes import FormFillHandler
from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.packing import pack
from handshake_prompt.session import Session, Turn
from handshake_prompt.session.request_record import OPEN, Request
from handshake_prompt.session.requests import ask
from tests.support.cost import counting_cost
from tests.support.forms import NOON, new_session

HANDLER = FormFillHandler()


def suggested(session: Session, values: dict[str, Any]) -> Session:
    draft = session.checkout(Turn(Role.AGENT, NOON))
    for key, value in values.items():
        ask(draft, Request(kind="suggest", key=key, kept=pack(value)[0], rev=0, until=1e9), limits=Limits())
    draft.commit()
    return draft


def left(session: Session, *entries: dict[str, Any]) -> list[str]:
    """Return the keys of the suggestions that a change of the schema leaves open."""
    draft = session.checkout(Turn(Role.USER, NOON))
    HANDLER.change_schema(draft, entries, ())
    draft.commit()
    return [str(request.key) for request in draft.requests.values() if request.status == OPEN]


KEYS = [f"k{number}" for number in range(16)]


def test_suggestions_that_take_long_to_match_end_unmatched() -> None:
    costly = [{"key": key, "pattern": "(?:[ab]?c?){5}"} for key in KEYS]
    for text, stay in (("ab" * 8_000, []), ("abc", KEYS)):
        session = suggested(new_session(HANDLER, schema=[{"key": key} for key in KEYS]), dict.fromkeys(KEYS, text))
        with counting_cost() as cost:
            assert left(session, *costly) == stay
        assert cost.seconds < 0.1


@pytest.mark.parametrize("size", [1, 50])
def test_documents_beyond_the_budget_of_a_batch_end_unchecked(size: int) -> None:
    document = [[1] * size] * 4
    blank = new_session(HANDLER, schema=[{"key": key, "type": "json"} for key in KEYS])
    session = suggested(blank, dict.fromkeys(KEYS, document))
    schema = {"items": {"items": {"anyOf": [*({"const": -n} for n in range(40)), {"type": "integer"}]}}}
    documents = [{"key": key, "type": "json", "schema": schema} for key in KEYS]
    assert left(blank, *documents) == []  # compiled once
    with counting_cost() as cost:
        stay = left(session, *documents)
    assert cost.seconds < 0.1
    assert 0 <= len(stay) < len(KEYS)
    assert stay == KEYS[: len(stay)]
