"""Changes from lists without cursors: news, and gaps."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from handshake_prompt.client.decoding import ListedChange
from handshake_prompt.client.updates import changes_after, changes_beyond

NOON = "2026-01-01T12:00:00.000000+00:00"


def listed(*numbers: int) -> list[ListedChange]:
    return [ListedChange("n", number, "user", NOON) for number in numbers]


@pytest.mark.parametrize(
    ("known", "seen", "expected"),
    [
        pytest.param([], [], [], id="nothing"),
        pytest.param([], range(49), range(49), id="the first ones"),
        pytest.param([], range(50), None, id="the first ones, perhaps not all"),
        pytest.param(range(5), range(5), [], id="nothing new"),
        pytest.param(range(5), range(7), [5, 6], id="new ones"),
        pytest.param(range(50), range(3, 53), [50, 51, 52], id="old ones slid out"),
        pytest.param(range(50), range(49, 99), range(50, 99), id="one is left"),
        pytest.param(range(50), range(50, 100), None, id="none is left"),
        pytest.param([1, 1, 1], [1, 1, 1, 1], [1], id="equal ones"),
        pytest.param(range(5), [], None, id="all is gone"),
    ],
)
def test_what_is_new_in_a_list_is_what_follows_the_known(
    known: Iterable[int], seen: Iterable[int], expected: Iterable[int] | None
) -> None:
    assert changes_beyond(listed(*known), listed(*seen)) == (None if expected is None else listed(*expected))


@pytest.mark.parametrize(
    ("times", "since", "expected"),
    [
        pytest.param(["2026-01-01T12:00:00+01:00"], "2026-01-01T11:00:00Z", 0, id="the same instant"),
        pytest.param(["2026-01-01T12:00:00+01:00"], "2026-01-01T10:59:59Z", 1, id="earlier in UTC"),
        pytest.param(["2026-01-01T12:00:00Z"], "2026-01-01T11:59:59", 1, id="no offset is UTC"),
        pytest.param(["2026-01-01T12:00:00Z"] * 50, "2026-01-01T11:59:59", None, id="perhaps not all"),
        pytest.param(["2026-01-01T12:00:00Z"] * 50, "2026-01-01T12:00:00Z", 0, id="all, none later"),
        pytest.param(["yesterday"], "2026-01-01T12:00:00Z", None, id="a time that is none"),
        pytest.param([], "e.3", None, id="a place that is none"),
    ],
)
def test_instants_are_compared_as_instants(times: list[str], since: str, expected: int | None) -> None:
    found = changes_after([ListedChange("n", 1, "user", at) for at in times], since)
    assert (None if found is None else len(found)) == expected
