"""Instants: one form for all, so that texts compare as times do."""

from __future__ import annotations

import pytest

from handshake_prompt.protocol.instants import format_instant, parse_instant

NOON = 1_767_268_800
"""Of 1 January 2026, in UTC; seconds since the epoch."""

INSTANTS = {
    "our own form": "2026-01-01T12:00:00.000000+00:00",
    "UTC as Z": "2026-01-01T12:00:00Z",
    "another offset": "2026-01-01T13:30:00+01:30",
    "a plus that became a space": "2026-01-01T13:30:00 01:30",
    "our own form with its plus lost": "2026-01-01T12:00:00.000000 00:00",
    "no offset, taken for UTC": "2026-01-01T12:00:00",
    "a space for the T": "2026-01-01 12:00:00",
    "basic format": "20260101T120000Z",
}


@pytest.mark.parametrize("text", INSTANTS.values(), ids=INSTANTS)
def test_an_instant_is_the_same_in_every_form(text: str) -> None:
    assert parse_instant(text) == "2026-01-01T12:00:00.000000+00:00" == format_instant(NOON * 1_000_000)


@pytest.mark.parametrize(
    "text", ["", " ", "yesterday", "12:00", "2026-13-01", "0001-01-01T00:00:00+23:59", "\ud800", "2026-01-01T12:00:00+"]
)
def test_what_is_no_instant_is_told_from_one(text: str) -> None:
    assert parse_instant(text) is None


def test_instants_compare_as_texts() -> None:
    moments = [0, 1, 999_999, 1_000_000, NOON * 1_000_000, NOON * 1_000_000 + 1]
    texts = [format_instant(moment) for moment in moments]
    assert texts == sorted(texts)
    assert len(set(texts)) == len(texts)
