"""Frames of a page: what is a message, and which mark of a malformed one can be read."""

from __future__ import annotations

import pytest

from handshake_prompt.protocol.errors import HandshakeError
from handshake_prompt.protocol.page_frames import parse_frame, read_ref

READABLE: dict[str, tuple[str, str | int | None]] = {
    "half an emoji": (r'{"type":"userEdit","key":"k","value":"\ud83d","ref":"a-1"}', "a-1"),
    "a number beyond all bounds": ('{"type":"userEdit","value":1e999,"ref":12}', 12),
    "no type": ('{"key":"k","ref":3}', 3),
    "cut off": ('{"type":"userEdit","ref":"a-1","key":"k","value":"...', "a-1"),
    "a trailing comma": ('{"type":"userEdit","key":"k","ref": -7,}', -7),
    "only its own mark counts": (r'{"value":{"ref":"another\ud83d"},"ref":"mine"}', "mine"),
    "a long value before it": ('{"type":"userEdit","value":"' + "x" * 9000 + '",,"ref":5}', 5),
    "nested too deeply": ('{"ref":1,"value":' + "[" * 10**6 + "]" * 10**6 + "}", 1),
}
UNREADABLE: dict[str, str] = {
    "no mark": "{",
    "two marks": '{"ref":1,"value":{"ref":2},,}',
    "a list": '{"type":1,"ref":[1]}',
    "true": '{"type":1,"ref":true}',
    "a fraction": '{"type":1,"ref":1.5',
    "too long": '{"type":1,"ref":"' + "r" * 65 + '"}',
    "a number too long": '{"type":1,"ref":' + "9" * 65,
    "a number no parser takes": '{"type":1,"ref":' + "9" * 5000 + "}",
    "half an emoji": r'{"type":1,"ref":"\ud83d"}',
    "no object": '["ref", 1]',
    "in the middle of a long one": "x" * 2000 + '"ref":1' + "x" * 2000,
}


@pytest.mark.parametrize(("text", "mark"), READABLE.values(), ids=READABLE)
def test_the_mark_of_a_malformed_frame_is_read_where_it_is_certain(text: str, mark: str | int | None) -> None:
    with pytest.raises(HandshakeError):
        parse_frame(text)
    assert read_ref(text) == mark


@pytest.mark.parametrize("text", UNREADABLE.values(), ids=UNREADABLE)
def test_no_mark_is_read_where_none_is_certain(text: str) -> None:
    assert read_ref(text) is None


@pytest.mark.parametrize("ref", ["null", '"r"', "1", "-1", '"' + "r" * 64 + '"', '"名"'], ids=str)
def test_a_message_has_a_type_and_may_have_a_mark(ref: str) -> None:
    assert parse_frame(f'{{"type":"x","ref":{ref}}}')["type"] == "x"
