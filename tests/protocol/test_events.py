"""Events as watchers and `/diff` show them, and the cursors that name their places."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, strategies as st

from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.events import Change, Cursor, Event, Notice, change_record, frame, withheld
from handshake_prompt.session.field_value import FieldValue

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
    assert frame(event, role, epoch=EPOCH, values={}) == shown


def test_a_sensitive_value_is_the_present_one_for_the_person_and_withheld_from_the_agent() -> None:
    event = change(type="edit", by="user", kept=None, sensitive=True)
    values = {"name": FieldValue("DE89", "user", AT, 9)}
    shown = {role: frame(event, role, epoch=EPOCH, values=values) for role in Role}
    told = {role: change_record(event, role, values=values) for role in Role}
    assert "DE" not in repr(shown[Role.AGENT]) + repr(told[Role.AGENT])
    assert (shown[Role.AGENT]["sensitive"], told[Role.AGENT]["sensitive"]) == (True, True)
    assert (shown[Role.USER]["value"], told[Role.USER]["to"]) == ("DE89", "DE89")
    assert frame(event, Role.USER, epoch=EPOCH, values={})["value"] is None, "the session has ended"


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
    record = change_record(change(type=type, kept_previous="removed"), role, values={})
    assert ("removed" in repr(record)) is told
    assert record.get("from") == ("removed" if told else None)
