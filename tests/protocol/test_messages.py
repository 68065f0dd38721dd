"""Messages of the server: JSON out is pure ASCII, and its members are as documented."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, strategies as st

from handshake_prompt.protocol.messages import FieldRecord, Outcome, encode, whole_seconds
from handshake_prompt.protocol.packing import Packed
from tests.support.cost import cpu_time

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(json_values)
def test_what_goes_out_is_ascii_and_means_the_same(value: Any) -> None:
    raw = encode(value)
    assert raw.isascii()
    assert json.loads(raw) == value


ESCAPED = ['"', "\\", "\\\\", '\\"', 'é"', "\\é", "é\\\\", 'é\\"é', "\\u00e9é", '"\\"🙂\\', "\x00é\x7f", "\u2028\n<é"]


@pytest.mark.parametrize("text", ESCAPED, ids=range(len(ESCAPED)))
def test_escapes_are_not_escaped_again(text: str) -> None:
    assert json.loads(encode({text: [text, Packed(msgspec.json.encode(text))]})) == {text: [text, text]}


CLASSES = ["a", "\x7f", "\x00", "é", "éa", "語", "🙂", "🙂a", '"é', "\\é", "é\x00", "\u200ba", "<"]


@pytest.mark.parametrize("chars", CLASSES, ids=map(ascii, CLASSES))
def test_a_byte_of_any_character_costs_about_the_same_to_send(chars: str) -> None:
    text = chars * (512 * 1024 // (len(msgspec.json.encode(chars)) - 2))
    assert min(cpu_time(encode, text) for _ in range(5)) < 0.03  # thrice the worst of them


CURRENT: FieldRecord = {"value": 1, "by": "user", "at": "now", "rev": 2}

OUTCOMES: dict[str, tuple[Outcome, dict[str, Any], dict[str, Any]]] = {
    "applied": (
        Outcome("k", "applied", seq=3),
        {"key": "k", "status": "applied", "seq": 3},
        {"key": "k", "msg": None, "code": None},
    ),
    "stale": (
        Outcome("k", "rejected", "stale", msg="changed", current=CURRENT),
        {"key": "k", "status": "rejected", "code": "stale", "msg": "changed", "current": CURRENT},
        {"key": "k", "msg": "changed", "code": "stale"},
    ),
    "of no field": (
        Outcome(None, "error", "missing_key", msg="no key", action={"type": "set"}),
        {"status": "error", "code": "missing_key", "msg": "no key", "action": {"type": "set"}},
        {"action": {"type": "set"}, "msg": "no key", "code": "missing_key"},
    ),
}


@pytest.mark.parametrize(("outcome", "result", "error"), OUTCOMES.values(), ids=OUTCOMES)
def test_an_outcome_is_told_to_new_clients_and_to_old_ones(
    outcome: Outcome, result: dict[str, Any], error: dict[str, Any]
) -> None:
    assert msgspec.to_builtins(outcome) == result
    assert outcome.error() == error


@pytest.mark.parametrize(("seconds", "shown"), [(1799.6, 1800), (0.4, 0), (-3.0, 0), (59.4, 59)])
def test_a_remaining_time_is_told_in_whole_seconds_and_never_negative(seconds: float, shown: int) -> None:
    assert whole_seconds(seconds) == shown
