"""Events as watchers and `/diff` show them, and the cursors that name their places."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, strategies as st

from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.events import Change, Cursor, Event, Notice, change_record, frame, withheld

AT = "2026-01-01T12:00:00.000000+00:00"
EPOCH = "0a1b2c3d"
PLACE = {"seq": 4, "cursor": "0a1b2c3d.4", "at": AT}


WRITTEN = Change(type="action", seq=4, at=AT, key="name", kept="new", by="ai")


def change(**members: Any) -> Change:
    return msgspec.structs.replace(WRITTEN, **members)


@given(st.from_regex(r"[0-9a-f]{8}", fullmatch=True), st.integers(0, 10**15 - 1))
def test_a_cursor_survives_being_written(epoch: str, seq: int) -> None:
    assert Cursor.parse(str(Cursor(epoch, seq))) == Cursor(epoch, seq)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "0a1b2c3d",
        "0a1b2c3d.",
        ".5",
        "0a1b2c3d.-5",
        "0a1b2c3d.5.6",
        "0a1b2c3d.5 ",
        "0a1b2c3d.5\n",
        "0A1B2C3D.5",
        "0a1b2c3.5",
        "0a1b2c3d.٥",
        "0a1b2c3d.1000000000000000",
        "2026-01-01T12:00:00Z",
    ],
)
def test_what_is_no_cursor_is_told_from_one(text: str) -> None:
    assert Cursor.parse(text) is None


FRAMES: dict[str, tuple[Event, dict[str, Any]]] = {
    "an action": (change(), {"type": "action", "key": "name", "value": "new", "by": "ai", **PLACE}),
    "an edit": (
        change(type="edit", by="user", kept_previous="old", source="tab", pace=0.3),
        {"type": "edit", "key": "name", "value": "new", "by": "user", **PLACE},
    ),
    "a notice": (
        Notice(type="done", seq=4, at=AT, members={"applied": 1, "rejected": []}),
        {"type": "done", "applied": 1, "rejected": [], **PLACE},
    ),
}


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize(("event", "shown"), FRAMES.values(), ids=FRAMES)
def test_a_logged_frame_tells_its_place_and_nothing_of_how_it_was_made(
    event: Event, shown: dict[str, Any], role: Role
) -> None:
    assert frame(event, role, epoch=EPOCH) == shown


def test_a_sensitive_value_is_withheld_from_the_agent_in_frames_and_in_diffs() -> None:
    event = change(type="edit", by="user", kept="DE89", kept_previous="DE00", sensitive=True)
    assert "DE" not in repr(frame(event, Role.AGENT, epoch=EPOCH)) + repr(change_record(event, Role.AGENT))
    assert frame(event, Role.AGENT, epoch=EPOCH)["sensitive"] is True
    assert change_record(event, Role.AGENT)["sensitive"] is True
    assert frame(event, Role.USER, epoch=EPOCH)["value"] == "DE89"
    assert change_record(event, Role.USER)["to"] == "DE89"


def test_a_notice_is_never_withheld() -> None:
    assert not withheld(Notice(type="done", seq=1, at=AT, members={}), Role.AGENT)


@pytest.mark.parametrize(
    ("role", "type", "told"),
    [
        (Role.USER, "action", True),
        (Role.USER, "edit", True),
        (Role.AGENT, "action", True),
        (Role.AGENT, "edit", False),
    ],
)
def test_an_agent_is_not_shown_what_a_person_replaced(role: Role, type: str, *, told: bool) -> None:  # noqa: A002
    record = change_record(change(type=type, kept_previous="removed"), role)
    assert ("removed" in repr(record)) is told
    assert record.get("from") == ("removed" if told else None)
