"""Conditions of fields: what they mean, and how large they may be."""

from __future__ import annotations

from typing import Any

import pytest

from handshake_prompt.forms.conditions import DEPTH, PARTS, SCALARS, compile_condition, every, negated, some
from handshake_prompt.protocol.errors import InvalidSchemaError


class Values:
    """Names of a form without rows."""

    def __init__(self, **values: Any) -> None:
        self._values = values

    def values(self, name: str) -> tuple[Any, ...]:
        value = self._values.get(name)
        return tuple(value) if isinstance(value, list) else () if value in (None, "") else (value,)

    def is_filled(self, name: str) -> bool:
        return bool(self.values(name))


A = {"key": "a", "in": [1, "x"]}


@pytest.mark.parametrize(
    ("condition", "value", "expected"),
    [
        (A, 1, True),
        (A, 1.0, True),
        (A, "x", True),
        (A, True, False),
        (A, 2, False),
        (A, None, False),
        (A, ["y", "x"], True),
        (A, {"x": 1}, False),
        ({"key": "a", "in": [True]}, 1, False),
        ({"filled": "a"}, False, True),
        ({"filled": "a"}, "", False),
        ({"not": A}, 2, True),
        ({"all": [A, {"filled": "a"}]}, 1, True),
        ({"all": []}, None, True),
        ({"any": [{"filled": "b"}, A]}, 1, True),
        ({"any": []}, 1, False),
    ],
)
def test_a_condition_is_true_of_the_values_it_names(condition: Any, value: Any, expected: bool) -> None:  # noqa: FBT001
    assert compile_condition(condition).holds(Values(a=value)) is expected


@pytest.mark.parametrize(
    "condition",
    [
        None,
        [],
        {},
        {"key": "a"},
        {"key": 1, "in": [1]},
        {"key": "a", "in": "x"},
        {"key": "a", "in": [[1]]},
        {"key": "a", "in": [1] * (SCALARS + 1)},
        {"all": {}},
        {"any": [A, 3]},
        {"filled": None},
        {"all": [A] * PARTS},
    ],
)
def test_what_is_no_condition_is_refused(condition: Any) -> None:
    with pytest.raises(InvalidSchemaError):
        compile_condition(condition)


def test_a_condition_is_as_deep_as_it_may_be_and_no_deeper() -> None:
    deep: Any = A
    for _ in range(DEPTH - 1):
        deep = {"not": deep}
    assert compile_condition(deep).names == {"a"}
    for _ in range(100_000):
        deep = {"not": deep}
    with pytest.raises(InvalidSchemaError):
        compile_condition(deep)


def test_conditions_are_joined_without_saying_anything_twice() -> None:
    b = {"filled": "b"}
    assert every(None, A, None) == A
    assert every(A, {"all": [b, A]}) == {"all": [A, b]}
    assert every() is None
    assert some(A, None) is None
    assert some({"key": "a", "in": [1]}, {"key": "a", "in": [2, 1]}) == {"key": "a", "in": [1, 2]}
    assert some({"any": [A, b]}, b) == {"any": [A, b]}
    assert some(A, {"not": A}) is None
    assert negated({"not": A}) == A
