"""What keys and values are let in."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings, strategies as st

from handshake_prompt.protocol.errors import HandshakeError, InvalidRequestError, TooLargeError
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.packing import count_parts
from handshake_prompt.protocol.values import MAX_INTEGER, check_json, check_key, check_value
from tests.support.cost import counting_cost, cpu_time

LIMITS = Limits()


def nested(levels: int, *, objects: bool = False) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"in": value} if objects else [value]
    return value


def cyclic(copies: int = 1) -> list[Any]:
    value: list[Any] = []
    value.extend([value] * copies)
    return value


def doubled(times: int) -> list[Any]:
    """A small value in memory, whose JSON has 2 ** times numbers."""
    value = [1]
    for _ in range(times):
        value = [value, value]  # type: ignore[list-item]
    return value


GOOD_KEYS = {
    "one character": "a",
    "the longest": "k" * 256,
    "the longest outside ASCII": "名" * 256,
    "with spaces and dots": "billing address.street [2]",
    "emoji": "🙂",
    "inherited by no object literal": "proto",
}
BAD_KEYS: dict[str, Any] = {
    "null": None,
    "a number": 1,
    "a Boolean": True,
    "a list": ["a"],
    "an object": {"a": 1},
    "bytes": b"a",
    "empty": "",
    "too long": "k" * 257,
    "NUL": "a\x00",
    "newline": "a\nb",
    "DEL": "a\x7f",
    "C1": "a\x85b",
    "lone surrogate": "a\ud800",
    "__proto__": "__proto__",
    "prototype": "prototype",
    "constructor": "constructor",
}


@pytest.mark.parametrize("key", GOOD_KEYS.values(), ids=GOOD_KEYS)
def test_a_good_key_is_returned_as_it_is(key: str) -> None:
    assert check_key(key, LIMITS) == key


@pytest.mark.parametrize("key", BAD_KEYS.values(), ids=BAD_KEYS)
def test_a_bad_key_is_refused_by_its_code(key: Any) -> None:
    with pytest.raises(InvalidRequestError) as refusal:
        check_key(key, LIMITS)
    assert refusal.value.code == "invalid_key"


GOOD_VALUES: dict[str, Any] = {
    "null": None,
    "true": True,
    "zero": 0,
    "the largest integer": MAX_INTEGER,
    "the smallest integer": -MAX_INTEGER,
    "a large float": 1e300,
    "negative zero": -0.0,
    "empty text": "",
    "text outside ASCII": "Zoë 🙂 名前",
    "control characters": "a\x00\n\x7f",
    "empty list": [],
    "empty object": {},
    "16 lists": nested(16),
    "16 objects": nested(16, objects=True),
    "a shared part": doubled(4),
    "constructor as a member": {"constructor": 1},
    "text that just fits": "a" * (LIMITS.value_bytes - 2),
    "escaped text that just fits": "\x00" * ((LIMITS.value_bytes - 2) // 6),
    "two-byte text that just fits": "é" * ((LIMITS.value_bytes - 2) // 2),
    "a list that just fits": [1] * ((LIMITS.value_bytes - 1) // 2),
}
BAD_VALUES: dict[str, Any] = {
    "not a number": float("nan"),
    "infinity": float("inf"),
    "minus infinity inside": [{"a": float("-inf")}],
    "2**53": 2**53,
    "-2**53": -(2**53),
    "thousands of digits": [10**5000],
    "lone surrogate": "\ud800",
    "surrogates the wrong way round": "\udc00\ud800",
    "lone surrogate inside": ["ok", {"a": "\udfff"}],
    "lone surrogate as a name": {"\ud800": 1},
    "number as a name": {1: 1},
    "null as a name": {None: 1},
    "__proto__": [{"__proto__": {"admin": True}}],
    "17 lists": nested(17),
    "17 objects": nested(17, objects=True),
    "100 000 lists": nested(100_000),
    "cyclic": cyclic(),
    "bytes": b"a",
    "bytes inside": [b"a"],
    "tuple": (1, 2),
    "set": {1},
    "any other object": object(),
}
LARGE_VALUES: dict[str, Any] = {
    "text": "a" * (LIMITS.value_bytes - 1),
    "escaped text": "\x00" * (LIMITS.value_bytes // 6 + 1),
    "two-byte text": "é" * (LIMITS.value_bytes // 2),
    "text in a list": ["a" * LIMITS.value_bytes],
    "a list": [1] * (LIMITS.value_bytes // 2 + 1),
    "a name": {"a" * LIMITS.value_bytes: 1},
    "names": {f"name {number}": 1 for number in range(4000)},
    "cyclic many times over": cyclic(100),
    "a small part shared a billion times": [[[doubled(4)] * 30_000] * 30_000],
    "a long name shared many times": [{"a" * 30_000: 1}] * 3_000,
    "a long text shared many times": ["a" * 30_000] * 10_000,
}


COUNTED: dict[str, tuple[Any, int]] = {
    "a scalar": (1.5, 1),
    "text": ("é", 1),
    "an empty list": ([], 1),
    "a list": ([1, "a", None], 4),
    "an object": ({"a": 1, "b": {"c": []}}, 4),
    "lists": ([[], [[]]], 4),
}


@pytest.mark.parametrize(("value", "parts"), COUNTED.values(), ids=COUNTED)
def test_the_values_in_a_value_are_counted(value: Any, parts: int) -> None:
    assert check_value(value, LIMITS) == parts


@pytest.mark.parametrize("value", GOOD_VALUES.values(), ids=GOOD_VALUES)
def test_a_good_value_passes(value: Any) -> None:
    check_value(value, LIMITS)
    assert len(msgspec.json.encode(value)) <= LIMITS.value_bytes


@pytest.mark.parametrize("value", BAD_VALUES.values(), ids=BAD_VALUES)
def test_a_bad_value_is_refused_by_its_code(value: Any) -> None:
    with pytest.raises(InvalidRequestError) as refusal:
        check_value(value, LIMITS)
    assert refusal.value.code == "invalid_value"


@pytest.mark.parametrize("value", LARGE_VALUES.values(), ids=LARGE_VALUES)
def test_a_value_over_the_size_is_refused_at_once(value: Any) -> None:
    with counting_cost() as cost, pytest.raises(TooLargeError) as refusal:
        check_value(value, LIMITS)
    assert refusal.value.code == "value_too_large"
    assert cost.seconds < 2


def test_the_bounds_are_those_of_the_limits() -> None:
    tight = Limits(value_bytes=8, json_depth=1, key_chars=2)
    check_value([1, 2], tight)
    for value, error in (([[1]], InvalidRequestError), ("abcdefg", TooLargeError)):
        with pytest.raises(error):
            check_value(value, tight)
    with pytest.raises(InvalidRequestError):
        check_key("abc", tight)


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec=None))
    | st.binary(max_size=3),
    lambda part: st.lists(part, max_size=4) | st.dictionaries(st.text(st.characters(codec=None)), part, max_size=4),
    max_leaves=20,
)


@settings(deadline=None)
@given(value=ANYTHING)
def test_what_is_let_in_survives_json_and_all_else_is_a_refusal(value: Any) -> None:
    try:
        check_value(value, LIMITS)
    except HandshakeError:
        return
    assert msgspec.json.decode(msgspec.json.encode(value)) == value


COSTLY: dict[str, Any] = {
    "empty objects": [{}] * 10_000,
    "empty lists": [[]] * 10_000,
    "lists of one": [[0]] * 8_000,
    "objects of one": [{"a": 0} for _ in range(4_000)],
    "numbers": [1.5] * 8_000,
    "integers": [1] * 16_000,
    "texts": ["é"] * 6_000,
    "one long text": "é" * 16_000,
    "deep": [nested(14) for _ in range(1_000)],
    "members": {f"é{number}": None for number in range(1_500)},
}


@pytest.mark.parametrize("value", COSTLY.values(), ids=COSTLY)
def test_a_value_in_any_shape_is_checked_in_a_microsecond_a_part(value: Any) -> None:
    parts = check_value(value, LIMITS)
    assert min(cpu_time(check_value, value, LIMITS) for _ in range(5)) < 1e-6 * parts + 1e-3


# Before parsing

TEXTS: dict[str, tuple[bytes, bool]] = {
    "many values": (b'{"a": [' + b"0," * 25 + b"0]}", False),
    "many lists": (b"[" + b"[]," * 25 + b"[]]", False),
    "many objects": (b"[" + b'{"a":1},' * 25 + b"{}]", False),
    "few values": (b'{"a": [1, 2, 3], "b": {}}' + b" " * 200, True),
    "commas in a text": (b'{"a": "' + b"," * 200 + b'"}', True),
    "brackets behind an escaped quotation mark": (b'{"a": "\\"' + b"[" * 200 + b'"}', True),
    "brackets behind an escaped backslash": (rb'{"a": "\\", "b": [' + b"[]," * 50 + b"0]}", False),
    "a text that is not closed": (b'["' + b"," * 200, True),
}


@pytest.mark.parametrize(("raw", "passes"), TEXTS.values(), ids=TEXTS)
def test_json_is_refused_for_its_values_before_it_is_parsed(raw: bytes, *, passes: bool) -> None:
    few = Limits(body_parts=10)
    if passes:
        check_json(raw, few)
        return
    with pytest.raises(TooLargeError) as refusal:
        check_json(raw, few)
    assert refusal.value.code == "too_many_parts"


@given(value=ANYTHING)
def test_no_json_within_the_bound_is_refused_before_it_is_parsed(value: Any) -> None:
    try:
        raw = msgspec.json.encode(value)
    except (TypeError, ValueError, UnicodeEncodeError):
        return
    check_json(raw, Limits(body_parts=max(1, count_parts(msgspec.json.decode(raw)))))


@pytest.mark.parametrize("part", [b'"",', b"[],", b"0,", b'"a,",', rb'"\\",', rb'"\"",'], ids=repr)
def test_json_is_looked_through_faster_than_it_is_parsed(part: bytes) -> None:
    raw = b"[" + part * (LIMITS.body_bytes // len(part)) + b"0]"

    def look() -> None:
        with suppress(TooLargeError):
            check_json(raw, LIMITS)

    assert min(cpu_time(look) for _ in range(5)) < 0.02
