"""A value is kept in at most thrice its JSON, comes back as it was, and is written out as if it were plain."""

from __future__ import annotations

import sys
from typing import Any

import msgspec
import pytest
from hypothesis import given, strategies as st

from handshake_prompt.protocol.packing import Packed, count_parts, pack, parts_of, to_json, unpack
from handshake_prompt.session.field_value import is_empty

FULL = 30_000  # bytes of JSON, as much as one value may have

LARGE: dict[str, Any] = {
    "empty lists": [[]] * (FULL // 3),
    "empty objects": [{}] * (FULL // 3),
    "objects of one member": [{"a": 0} for _ in range(FULL // 8)],
    "nested lists": [[[[[0]]]] for _ in range(FULL // 12)],
    "numbers": [1.5] * (FULL // 4),
    "texts": [str(number) for number in range(FULL // 8)],
    "an object of many members": {str(number): None for number in range(FULL // 12)},
    "ASCII": "a" * FULL,
    "ASCII with one emoji": "a" * FULL + "🙂",
    "ASCII with one letter of another script": "a" * FULL + "Ж",
    "two-byte letters": "é" * (FULL // 2),
    "ideographs": "語" * (FULL // 3),
    "emoji": "🙂" * (FULL // 4),
}


def memory_of(value: Any) -> int:
    """Return the bytes of a value and all it holds, shared parts counted once."""
    seen: dict[int, Any] = {}
    pending = [value]
    while pending:
        part = pending.pop()
        if id(part) not in seen:
            seen[id(part)] = part
            pending += [part.json] if isinstance(part, Packed) else []
            pending += [*part, *part.values()] if isinstance(part, dict) else part if isinstance(part, list) else []
    return sum(map(sys.getsizeof, seen.values()))


@pytest.mark.parametrize("value", LARGE.values(), ids=LARGE)
def test_a_large_value_is_kept_in_at_most_thrice_its_json(value: Any) -> None:
    kept, size = pack(msgspec.json.decode(msgspec.json.encode(value)))
    assert size == len(msgspec.json.encode(value))
    assert memory_of(kept) <= 3 * size


PLAIN: list[Any] = [None, True, 0, 2.5, "", "a", "名", "🙂", "a" * 10_000, "é" * 10_000, [], {}]


@pytest.mark.parametrize("value", PLAIN, ids=range(len(PLAIN)))
def test_what_takes_no_more_than_its_json_stays_plain(value: Any) -> None:
    kept, _ = pack(value)
    assert kept is value
    assert is_empty(kept) == is_empty(value)


def test_packed_values_are_equal_if_their_json_is_and_show_none_of_it() -> None:
    kept, same, other = (pack(value)[0] for value in (["secret"], ["secret"], ["other"]))
    assert (kept == same, hash(kept) == hash(same), kept == other, kept == ["secret"]) == (True, True, False, False)
    assert "secret" not in repr(kept)
    assert not is_empty(kept)


def test_a_plain_value_is_a_copy_each_time() -> None:
    kept, _ = pack([[1]])
    unpack(kept)[0].append(2)
    assert unpack(kept) == [[1]]


PARTS: list[tuple[Any, int]] = [
    (1, 1),
    ("text", 1),
    ([], 1),
    ([1, 2], 3),
    ({"a": 1, "b": [None, {}]}, 5),
    ([[], [[]]], 4),
]


@pytest.mark.parametrize(("value", "parts"), PARTS, ids=repr)
def test_each_value_within_a_value_is_a_part(value: Any, parts: int) -> None:
    assert count_parts(value) == parts_of(pack(value)[0]) == parts


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text() | st.floats(allow_nan=False, width=32),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
).filter(lambda value: value not in (float("inf"), float("-inf")))


@given(json_values)
def test_what_is_kept_comes_back_and_is_written_as_if_it_were_plain(value: Any) -> None:
    kept, size = pack(value)
    plain = msgspec.json.encode({"value": value})
    assert msgspec.json.encode(unpack(kept)) == msgspec.json.encode(value)
    assert to_json({"value": kept}) == plain
    assert size == len(plain) - len('{"value":}')


@pytest.mark.parametrize("value", [object(), [b"".__class__], {"a": object()}], ids=["object", "class", "inside"])
def test_what_json_cannot_say_is_a_type_error(value: Any) -> None:
    with pytest.raises(TypeError):
        pack(value)
