"""Keys of rows and cells, taken apart."""

from __future__ import annotations

import pytest

from handshake_prompt.session.row_keys import field_key, inner_prefix, split_row, with_row_ids

LISTS = frozenset({"lines", "guests", "guests/r2/bags", "home/cars"})


@pytest.mark.parametrize(
    ("key", "field"),
    [
        ("lines/r1/amount", "lines/amount"),
        ("lines/r1/home/street", "lines/home/street"),
        ("guests/r2/bags/r7/kg", "guests/bags/kg"),
        ("guests/r2/name", "guests/name"),
        ("home/cars/r3/plate", "home/cars/plate"),
        ("lines/lines/lines", "lines/lines"),
        ("lines", "lines"),
        ("lines/r1", "lines"),
        ("home/street", "home/street"),
        ("a/r1/b", "a/r1/b"),
        ("name", "name"),
        ("", ""),
        ("/", "/"),
    ],
)
def test_the_field_of_a_cell_is_named_by_its_key_without_row_ids(key: str, field: str) -> None:
    assert field_key(key, LISTS) == field


def test_a_rows_key_is_that_of_its_list_and_its_id() -> None:
    assert split_row("guests/r2/bags/r7") == ("guests/r2/bags", "r7")
    assert inner_prefix("guests/r2") == "guests/r2/"


NUMBERED = {
    "lines/1/amount": "lines/r3/amount",
    "lines/0": "lines/r1",
    "lines/r1/bags/0/kg": "lines/r1/bags/r7/kg",
    "lines/0/bags/0": "lines/r1/bags/r7",
    "lines/2/amount": "lines/2/amount",
    "lines/99999999999999/amount": "lines/99999999999999/amount",
    "lines/²": "lines/²",
    "lines": "lines",
    "1/0": "1/0",
    "": "",
}


@pytest.mark.parametrize(("key", "expected"), NUMBERED.items())
def test_the_number_of_a_row_stands_for_its_id(key: str, expected: str) -> None:
    assert with_row_ids(key, {"lines": ("r1", "r3"), "lines/r1/bags": ("r7",)}) == expected
