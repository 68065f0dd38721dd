"""Windows: what one says of the next request is what the next request meets."""

from __future__ import annotations

from hypothesis import given, strategies as st

from handshake_prompt.protocol.rate_limit import Quota, Window, hit

LENGTH = 60.0


def hits(times: list[float], *, limit: int) -> list[Quota]:
    window: Window | None = None
    quotas = []
    for now in times:
        window, quota = hit(window, now, limit=limit, length=LENGTH)
        quotas.append(quota)
    return quotas


def test_a_window_begins_with_its_first_request_and_lets_through_its_limit() -> None:
    quotas = hits([7.0, 8.0, 9.0], limit=2)
    assert quotas == [
        Quota(2, LENGTH, allowed=True, remaining=1, reset_after=60.0),
        Quota(2, LENGTH, allowed=True, remaining=0, reset_after=59.0),
        Quota(2, LENGTH, allowed=False, remaining=0, reset_after=58.0),
    ]


def test_a_window_is_over_at_its_very_end_and_not_before() -> None:
    last, first = hits([0.0, 59.999, 60.0], limit=1)[1:]
    assert (last.allowed, first.allowed) == (False, True)
    assert first.reset_after == LENGTH


def test_asking_in_vain_does_not_push_the_end_of_a_window_away() -> None:
    quotas = hits([0.0, *(float(second) for second in range(1, 60)), 60.0], limit=1)
    assert [quota.allowed for quota in quotas] == [True, *[False] * 59, True]


def test_windows_that_touch_let_through_twice_the_limit_and_no_more() -> None:
    quotas = hits([0.0, 59.0, 59.0, 60.0, 60.0, 60.0], limit=3)
    assert [quota.allowed for quota in quotas] == [True] * 6
    assert not hits([0.0, 59.0, 59.0, 60.0, 60.0, 60.0, 61.0], limit=3)[-1].allowed


@given(st.lists(st.floats(0, 40), max_size=60), st.integers(1, 4))
def test_waiting_as_long_as_told_always_helps_and_no_stretch_holds_more_than_twice_the_limit(
    pauses: list[float], limit: int
) -> None:
    window: Window | None = None
    now, let_through = 0.0, []
    for pause in pauses:
        now += pause
        window, quota = hit(window, now, limit=limit, length=LENGTH)
        assert 0 <= quota.remaining < limit or not quota.allowed
        assert 0 < quota.reset_after <= LENGTH
        assert hit(window, window.ends_at, limit=limit, length=LENGTH)[1].allowed
        if quota.allowed:
            let_through.append(now)
        assert sum(time > now - LENGTH for time in let_through) <= 2 * limit
