"""What a watcher's page sends: a burst, malformed frames, too large ones, refused ones. All of it in virtual time."""

from __future__ import annotations

import asyncio
import json

import pytest

from handshake_prompt.protocol.errors import CloseCode, UserRequiredError
from handshake_prompt.protocol.messages import Outcome
from tests.engine.delivery.test_watcher import Page, page
from tests.support.virtual_time import in_virtual_time, loop_time


@in_virtual_time
async def test_a_page_may_send_a_burst_and_is_then_slowed_down_and_never_dropped() -> None:
    async with page(frames_per_second=20, frames_burst=60) as one:
        times = []
        for ref in range(100):
            await one.watcher.receive(json.dumps({"type": "userEdit", "key": "k", "ref": ref}))
            times.append(loop_time() - one.began)
        assert times[59] == pytest.approx(0)
        assert times[99] == pytest.approx(40 / 20)
        await asyncio.sleep(1)
        assert [frame["ref"] for frame in one.frames] == list(range(100))
        await asyncio.sleep(60)
        began = loop_time()
        for _ in range(61):
            await one.watcher.receive('{"type":"userEdit","key":"k"}')
        assert loop_time() - began == pytest.approx(1 / 20)


MALFORMED: dict[str, tuple[str, str]] = {
    "not JSON": ("hello", "invalid_json"),
    "empty": ("", "invalid_json"),
    "a lone surrogate": ('{"type":"x","ref":"\ud800"}', "invalid_json"),
    "an escaped lone surrogate": ('{"type":"userEdit","key":"\\ud800"}', "invalid_json"),
    "a list": ("[1]", "invalid_request"),
    "null": ("null", "invalid_request"),
    "no type": ('{"key":"k"}', "invalid_request"),
    "type is a number": ('{"type":1}', "invalid_request"),
    "ref is a list": ('{"type":"x","ref":[1]}', "invalid_request"),
    "ref is long": ('{"type":"x","ref":"' + "r" * 65 + '"}', "invalid_request"),
    "ref is a long number": ('{"type":"x","ref":' + "9" * 65 + "}", "invalid_request"),
    "deep": ('{"type":"x","value":' + "[" * 10**6 + "]" * 10**6 + "}", "too_deep"),
}


@pytest.mark.parametrize(("data", "code"), MALFORMED.values(), ids=MALFORMED)
@in_virtual_time
async def test_i8_a_malformed_frame_is_answered_and_carried_nowhere(data: str, code: str) -> None:
    async with page(frame_bytes=10**7) as one:  # or it would be refused for its size
        await one.watcher.receive(data)
        await asyncio.sleep(1)
        assert [(frame["type"], frame["code"]) for frame in one.frames] == [("error", code)]
        assert one.sent == []
        assert one.watcher.close_code is CloseCode.NORMAL


@in_virtual_time
async def test_a_malformed_frame_is_answered_with_its_mark_where_one_can_be_read() -> None:
    async with page() as one:
        await one.watcher.receive('{"type":"userEdit","key":"k","value":"\\ud83d","ref":7}')
        await one.watcher.receive('{"type":"userEdit","key":"k","ref":"x" ' + "[" * 70_000)
        await asyncio.sleep(1)
        answers = [(frame["code"], frame["ref"]) for frame in one.frames]
        assert answers == [("invalid_json", 7), ("frame_too_large", "x")]


NO_FRAMES: dict[str, tuple[str | bytes | None, CloseCode]] = {
    "binary": (b'{"type":"x"}', CloseCode.UNSUPPORTED_DATA),
    "nothing": (None, CloseCode.UNSUPPORTED_DATA),
    "too many characters": ("x" * (64 * 1024 + 1), CloseCode.TOO_LARGE),
    "too many bytes": ("名" * (22 * 1024), CloseCode.TOO_LARGE),
}


@pytest.mark.parametrize(("data", "code"), NO_FRAMES.values(), ids=NO_FRAMES)
@in_virtual_time
async def test_what_is_no_frame_at_all_ends_the_connection(data: str | bytes | None, code: CloseCode) -> None:
    one = Page()
    await one.watcher.receive(data)
    await one.show()
    assert (one.sent, one.watcher.close_code) == ([], code)
    assert not code.final, "the session lives: the page comes again"


@in_virtual_time
async def test_a_flood_of_malformed_frames_ends_the_connection_at_its_tenth() -> None:
    async with page() as one:
        for _ in range(9):
            await one.watcher.receive("?")
        after_nine = one.watcher.close_code
        await one.watcher.receive("?")
        assert (after_nine, one.watcher.close_code) == (CloseCode.NORMAL, CloseCode.BUSY)
        await asyncio.sleep(1)
        assert [frame["code"] for frame in one.frames] == ["invalid_json"] * 10


@in_virtual_time
async def test_malformed_frames_now_and_then_are_forgiven() -> None:
    async with page() as one:
        for _ in range(50):
            await one.watcher.receive("?")
            await asyncio.sleep(7)
        assert one.watcher.close_code is CloseCode.NORMAL


@in_virtual_time
async def test_a_frame_that_is_well_formed_and_refused_does_not_count_as_malformed() -> None:
    async with page() as one:
        one.refusal = UserRequiredError()
        for ref in range(30):
            await one.watcher.receive(json.dumps({"type": "userEdit", "key": "k", "ref": ref}))
        await asyncio.sleep(1)
        assert one.watcher.close_code is CloseCode.NORMAL
        assert one.frames[29] == {
            "type": "error",
            "code": "user_required",
            "msg": "Only the person at the page may do this",
            "ref": 29,
        }


@in_virtual_time
async def test_a_refused_edit_is_answered_with_its_key_and_its_reason() -> None:
    async with page() as one:
        one.outcomes = [Outcome("k", "error", "read_only", msg="This field cannot be changed")]
        await one.watcher.receive('{"type":"userEdit","key":"k","value":1,"ref":"a"}')
        await asyncio.sleep(1)
        told = {"type": "error", "key": "k", "code": "read_only", "msg": "This field cannot be changed", "ref": "a"}
        assert one.frames == [told]


@in_virtual_time
async def test_i13_nothing_is_carried_out_for_a_page_that_was_told_to_leave_for_good() -> None:
    async with page() as one:
        one.watcher.close(CloseCode.UNAUTHENTICATED)
        await one.watcher.receive('{"type":"userEdit","key":"k"}')
        assert one.sent == []
