"""Room of a session: three bounds, and each side has it for itself."""

from __future__ import annotations

import pytest

from handshake_prompt.protocol.errors import TooLargeError
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.session.room import check_room, has_room

LIMITS = Limits(session_bytes=1_000, session_parts=100, values=10)
FULL = (1_000, 100, 10)


def test_a_side_may_fill_all_of_its_room() -> None:
    check_room(FULL, LIMITS)
    assert has_room(FULL, LIMITS)


@pytest.mark.parametrize("place", range(3), ids=["bytes", "JSON values", "fields and rows"])
def test_a_side_that_holds_more_than_its_room_is_refused(place: int) -> None:
    held = tuple(most + (place == at) for at, most in enumerate(FULL))
    with pytest.raises(TooLargeError) as refusal:
        check_room((held[0], held[1], held[2]), LIMITS)
    assert refusal.value.code == "session_full"
