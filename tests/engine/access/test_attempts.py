"""Failed attempts: one answer to strangers, and counters that tell nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from handshake_prompt import Credential, HandshakeError, Limits
from tests.support.pairing import OPERATIONS, Pair, code_of, open_pair, operations, refusal, virtual_engine
from tests.support.virtual_time import in_virtual_time

ELSEWHERE = Credential("wrong" * 6, "wrong" * 6, address="192.0.2.7")


async def lives(_: Pair) -> None:
    """Leave the session as it is."""


async def is_revoked(pair: Pair) -> None:
    await pair.engine.revoke(pair.session_id, pair.user)


async def has_expired(_: Pair) -> None:
    await asyncio.sleep(1801)


async def is_forgotten(_: Pair) -> None:
    await asyncio.sleep(1800 + 601)


async def never_was(pair: Pair) -> None:
    pair.created["sessionId"] = "0" * 32


STATES: list[Callable[[Pair], Awaitable[None]]] = [lives, is_revoked, has_expired, is_forgotten, never_was]


def told(error: HandshakeError) -> tuple[object, ...]:
    """Return all that a transport says of an error."""
    return type(error), error.status, error.code, error.detail, error.next_steps, error.retry_after, error.close_code


@pytest.mark.parametrize("operation", OPERATIONS)
@in_virtual_time
async def test_a_stranger_gets_one_answer_whatever_has_become_of_a_session_however_often_it_asks(
    operation: str,
) -> None:
    answers = []
    for state in STATES:
        pair = await open_pair(virtual_engine())
        await state(pair)
        ask = operations(pair, ELSEWHERE)[operation]
        answers.append([told(await refusal(ask())) for _ in range(12)])
    assert answers == [answers[0]] * len(STATES)
    assert [status for _, status, *_ in answers[0]] == [403] * 10 + [429] * 2


@in_virtual_time
async def test_a_name_that_no_session_can_have_is_counted_against_the_address() -> None:
    engine = virtual_engine(Limits(wrong_tokens_per_address=3))
    answers = [await code_of(engine.get_session(name, ELSEWHERE)) for name in ("", "x", "0" * 31, "0" * 33)]
    assert answers == [(404, "session_not_found")] * 3 + [(429, "too_many_attempts")]
