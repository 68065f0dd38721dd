"""Messages of a page over its connection."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from handshake_prompt import Role
from handshake_prompt.modes import DEFAULT_HANDLERS, DefaultHandler
from handshake_prompt.protocol.messages import Outcome
from handshake_prompt.session import Session
from tests.conftest import FORM, ROWS_FORM
from tests.support.folding import fold_rows, fold_values
from tests.support.pairing import open_pair, virtual_engine
from tests.support.virtual_time import in_virtual_time

AGENT, USER = Role.AGENT, Role.USER


@pytest.mark.parametrize(
    "message",
    [
        {"type": "userEdit", "key": "name", "value": 1},
        *({"type": kind, "key": "name"} for kind in ("release", "addRow", "removeRow", "moveRow")),
    ],
    ids=lambda message: message["type"],
)
@in_virtual_time
async def test_i1_an_agent_on_the_socket_cannot_write_as_the_person(message: dict[str, Any]) -> None:
    pair = await open_pair(virtual_engine(), FORM | {"context": {"name": "Ada"}})
    async with pair.watch(AGENT) as agent:
        await agent.send(**message)
        (error,) = await agent.shown("error")
        assert error["code"] == "user_required"
    assert (await pair.values(), await pair.log()) == ({"name": ("Ada", "user")}, [])


class Chat(DefaultHandler):
    """A mode whose watchers can talk."""

    def process_ws_message(self, session: Session, message: Mapping[str, Any]) -> list[Outcome]:
        if message["type"] != "say":
            return super().process_ws_message(session, message)
        return [session.write(f"{session.author} says", message["text"])]


CHAT = {**DEFAULT_HANDLERS, "chat": Chat()}


@in_virtual_time
async def test_i1_a_modes_own_messages_are_written_in_the_role_of_their_connection() -> None:
    pair = await open_pair(virtual_engine(mode_handlers=CHAT), {"mode": "chat"})
    async with pair.watch() as page, pair.watch(AGENT) as agent:
        for viewer in (page, agent):
            await viewer.send(type="say", text="hello", by="user", role="user", ref=1)
            (ack,) = await viewer.shown("ack")
            assert ack["key"] == f"{viewer.watcher.role} says"
        assert [frame["key"] for frame in await page.shown("action", "edit")] == ["agent says"]
    assert await pair.values() == {"user says": ("hello", "user"), "agent says": ("hello", "ai")}


UNHEARD: dict[str, tuple[dict[str, Any], str]] = {
    "of a type the mode does not know": ({"type": "shout"}, "unknown_message"),
    "with a number no page can hold": ({"type": "say", "text": 2**60}, "invalid_value"),
    "nested deeply": ({"type": "say", "text": [[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]}, "invalid_value"),
    "too large": ({"type": "say", "text": "x" * 40_000}, "value_too_large"),
}


@pytest.mark.parametrize(("message", "code"), UNHEARD.values(), ids=UNHEARD)
@in_virtual_time
async def test_i8_a_message_no_mode_may_get_is_answered_with_the_reason(message: dict[str, Any], code: str) -> None:
    pair = await open_pair(virtual_engine(mode_handlers=CHAT), {"mode": "chat"})
    async with pair.watch() as page:
        await page.send(**message)
        assert [frame["code"] for frame in await page.shown("error")] == [code]
    assert await pair.log() == []


@in_virtual_time
async def test_a_row_is_acknowledged_to_the_socket_that_added_it_and_shown_to_all() -> None:
    pair = await open_pair(virtual_engine(), ROWS_FORM)
    async with pair.watch() as page, pair.watch() as phone, pair.watch(AGENT) as agent:
        await page.send(type="addRow", key="lines", value={"text": "Taxi", "iban": "DE89"}, ref="a")
        await page.send(type="addRow", key="lines", after=None, ref="b")
        await page.send(type="moveRow", key="lines/r1", after=None, ref="c")
        await page.send(type="removeRow", key="lines/r2", ref="d")
        acks = [(ack["ref"], ack["key"], ack["by"], ack["seq"], ack.get("row")) for ack in await page.shown("ack")]
        assert acks == [
            ("a", "lines", "user", 1, "r1"),
            ("b", "lines", "user", 5, "r2"),
            ("c", "lines/r1", "user", 7, None),
            ("d", "lines/r2", "empty", 8, None),
        ]
        for viewer, iban in ((page, "DE89"), (phone, "DE89"), (agent, None)):
            shown = [frame for frame in await viewer.shown() if "cursor" in frame and frame["type"] != "connected"]
            frames = [(frame["type"], frame["key"], frame.get("value")) for frame in shown]
            assert frames == [
                ("rowAdded", "lines/r1", None),
                ("edit", "lines/r1/text", "Taxi"),
                ("edit", "lines/r1/amount", 1),
                ("edit", "lines/r1/iban", iban),
                ("rowAdded", "lines/r2", None),
                ("edit", "lines/r2/amount", 1),
                ("rowMoved", "lines/r1", None),
                ("rowRemoved", "lines/r2", None),
            ]


REFUSED_FRAMES: dict[str, tuple[dict[str, Any], str]] = {
    "no key": ({"type": "addRow"}, "invalid_request"),
    "a list there is not": ({"type": "addRow", "key": "guests"}, "unknown_field"),
    "a row there is not": ({"type": "removeRow", "key": "lines/r9"}, "unknown_row"),
    "a place that is a number": ({"type": "moveRow", "key": "lines/r1", "after": 1}, "invalid_request"),
    "a value that is no object": ({"type": "addRow", "key": "lines", "value": 5}, "invalid_value"),
}


@pytest.mark.parametrize(("message", "code"), REFUSED_FRAMES.values(), ids=REFUSED_FRAMES)
@in_virtual_time
async def test_i8_a_frame_about_rows_that_cannot_be_honoured_is_answered_with_the_reason(
    message: dict[str, Any], code: str
) -> None:
    pair = await open_pair(virtual_engine(), ROWS_FORM)
    async with pair.watch() as page:
        await page.send(**message, ref=1)
        assert [(frame["code"], frame["ref"]) for frame in await page.shown("error")] == [(code, 1)]
    assert await pair.log() == []


@in_virtual_time
async def test_a_mode_without_rows_answers_a_frame_about_them_with_the_reason() -> None:
    pair = await open_pair(virtual_engine())
    async with pair.watch() as page:
        await page.send(type="addRow", key="lines")
        assert [frame["code"] for frame in await page.shown("error")] == ["unsupported_action"]


@in_virtual_time
async def test_i5_a_pages_own_rows_come_in_their_place_among_those_of_others() -> None:
    pair = await open_pair(virtual_engine(), ROWS_FORM | {"defaults": {"lines": [{}]}})
    async with pair.watch() as page:
        place = {"type": "add", "key": "lines", "after": "r1"}
        await pair.do(place, place, {"type": "move", "key": "lines/r1"}, stream=True, intervalMs=800)
        await page.send(type="addRow", key="lines", after="r2", ref=1)
        await page.send(type="moveRow", key="lines/r4", after="r1", ref=2)
        await page.send(type="userEdit", key="lines", value=[{"text": "new"}], ref=3)
        await asyncio.sleep(20)
        frames = [frame for frame in await page.shown() if "cursor" in frame]
        assert frames[0]["type"] == "connected"
        begin, context = frames[0]["snapshot"], await pair.context()
        assert fold_rows(begin["rows"], frames[1:]) == context["rows"] == {"lines": ["r5"]}
        held = {key: (record["value"], record["by"], record["rev"]) for key, record in context["context"].items()}
        assert fold_values(begin["context"], frames[1:]) == held
