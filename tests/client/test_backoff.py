"""Exponential back-off with jitter, and `Retry-After`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from handshake_prompt.client.backoff import Backoff, retry_after


def test_pauses_grow_up_to_a_bound_and_are_drawn_below_it() -> None:
    drawn = [[backoff.next_pause() for _ in range(8)] for backoff in (Backoff(1, 10) for _ in range(300))]
    longest = [max(pauses) for pauses in zip(*drawn, strict=True)]
    assert all(bound * 0.8 < pause <= bound for pause, bound in zip(longest, (1, 2, 4, 8, 10, 10, 10, 10), strict=True))
    assert all(min(pauses) < 0.2 * bound for pauses, bound in zip(zip(*drawn, strict=True), (1, 2, 4, 8), strict=False))


def test_pauses_begin_anew_and_may_begin_elsewhere() -> None:
    backoff = Backoff(1, 10)
    for _ in range(5):
        backoff.next_pause()
    backoff.restart()
    assert backoff.next_pause() <= 1
    backoff.restart(0.0)
    assert backoff.next_pause() <= 0.1
    assert max(backoff.next_pause() for _ in range(50)) > 1
    assert 2.5 <= Backoff(0.1, 10).next_pause(2.5) <= 2.6
    backoff.restart(99)
    assert max(backoff.next_pause() for _ in range(50)) <= 10


def in_a_minute(zone: str) -> str:
    moment = datetime.now(UTC) + timedelta(seconds=60)
    return format_datetime(moment, usegmt=True).replace("GMT", zone)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        pytest.param("0", 0, id="now"),
        pytest.param("120", 120, id="number"),
        pytest.param("Thu, 01 Jan 1970 00:00:00 GMT", 0, id="past"),
        pytest.param(None, None, id="none"),
        pytest.param("", None, id="empty"),
        pytest.param("-5", None, id="negative"),
        pytest.param("1.5", None, id="fraction"),
        pytest.param("9" * 400, None, id="beyond reason"),
        pytest.param("٣", None, id="digits that are none here"),
        pytest.param("soon", None, id="word"),
        pytest.param("Thu, 99 Foo 2020 99:99:99 GMT", None, id="no date"),
        pytest.param("Fri, 31 Dec 99999 23:59:59 +9999", None, id="year beyond reason"),
    ],
)
def test_retry_after_is_a_number_or_a_date_or_nothing(header: str | None, seconds: float | None) -> None:
    assert retry_after(header) == seconds


@pytest.mark.parametrize("zone", ["GMT", "+0000", "-0000"])
def test_a_date_counts_from_now(zone: str) -> None:
    found = retry_after(in_a_minute(zone))
    assert found is not None
    assert 57 < found <= 60
