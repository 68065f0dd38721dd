"""Server-sent events, cut out of bytes that may arrive in any pieces."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, strategies as st

from handshake_prompt.client import BadReplyError
from handshake_prompt.client.sse import EventParser, ServerEvent

STREAM = (
    b"retry: 1000\n\n"
    b'id: e.1\nevent: connected\ndata: {"type": "connected"}\n\n'
    b": ping\n\n"
    b"id: e.2\r\nevent: edit\r\ndata: caf\xc3\xa9\r\n\r\n"
    b"event: action\rdata: one\rdata: two\r\r"
    b"data:tight\n\n"
    b"event: never\ndata: cut"
)
EVENTS = [
    ServerEvent("connected", b'{"type": "connected"}'),
    ServerEvent("edit", b"caf\xc3\xa9"),
    ServerEvent("action", b"one\ntwo"),
    ServerEvent("message", b"tight"),
]


@given(st.lists(st.integers(0, len(STREAM)), max_size=30))
def test_events_do_not_depend_on_how_the_bytes_arrive(places: list[int]) -> None:
    parser = EventParser()
    cuts = [0, *sorted(places), len(STREAM)]
    pieces = [STREAM[start:end] for start, end in itertools.pairwise(cuts)]
    assert [event for piece in pieces for event in parser.feed_bytes(piece)] == EVENTS
    assert parser.retry == 1.0
    assert parser.lines == 19


def test_byte_by_byte_is_no_different() -> None:
    parser = EventParser()
    assert [event for byte in STREAM for event in parser.feed_bytes(bytes([byte]))] == EVENTS


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        pytest.param(b"\xef\xbb\xbfdata: 1\n\n", [ServerEvent("message", b"1")], id="byte order mark"),
        pytest.param(b"data: 1\n\n\xef\xbb\xbfdata: 2\n\n", [ServerEvent("message", b"1")], id="mark elsewhere"),
        pytest.param(b"event: edit\n\ndata: 1\n\n", [ServerEvent("message", b"1")], id="kind without data"),
        pytest.param(b"data\n\n", [ServerEvent("message", b"")], id="data without a value"),
        pytest.param(b"data:  two\n\n", [ServerEvent("message", b" two")], id="one space is no part of it"),
        pytest.param(b"Data: 1\nfoo: 2\n\n", [], id="fields that are none"),
        pytest.param(b"event: \xff\ndata: 1\n\n", [ServerEvent("\ufffd", b"1")], id="kind that is no text"),
        pytest.param(b"", [], id="nothing"),
        pytest.param(b"\n\n\n", [], id="empty lines"),
    ],
)
def test_fields_are_read_as_the_standard_says(stream: bytes, events: list[ServerEvent]) -> None:
    assert EventParser().feed_bytes(stream) == events


@pytest.mark.parametrize("value", [b"-1", b"1.5", b"soon", b"9" * 50, b""])
def test_a_time_to_wait_that_is_none_changes_nothing(value: bytes) -> None:
    parser = EventParser()
    parser.feed_bytes(b"retry: 250\n\nretry: " + value + b"\n\n")
    assert parser.retry == 0.25


@pytest.mark.parametrize(
    "endless",
    [
        pytest.param(b"x" * 100, id="line"),
        pytest.param(b"data: x\n" * 10, id="lines of data"),
        pytest.param(b": x\n" * 10, id="comments"),
        pytest.param(b"data: " + b"y" * 500 + b"\n", id="long lines"),
    ],
)
def test_what_has_no_end_is_given_up(endless: bytes) -> None:
    parser = EventParser(most_bytes=1000)

    def feed() -> None:
        for _ in range(1000):
            parser.feed_bytes(endless)

    with pytest.raises(BadReplyError, match="more than 1000 bytes"):
        feed()


def test_many_events_are_not_one_large_one() -> None:
    parser = EventParser(most_bytes=1000)
    assert len(parser.feed_bytes(b"data: 12345\n\n" * 5000)) == 5000
    assert len(parser.feed_bytes((b"data: " + b"x" * 900 + b"\n\n") * 3)) == 3


def test_a_line_in_many_pieces_costs_no_more_than_its_length() -> None:
    """Looking through all that is kept for each piece would take minutes."""
    parser = EventParser(most_bytes=2**22)
    for _ in range(200_000):
        parser.feed_bytes(b"0123456789")
    assert parser.feed_bytes(b"\n\n") == []
    assert parser.lines == 2
