"""Numbers as they are written."""

from __future__ import annotations

import pytest

from handshake_prompt.forms.numbers import is_multiple


@pytest.mark.parametrize(
    ("value", "step", "base", "expected"),
    [
        (19.99, 0.01, 0, True),
        (0.1, 0.01, 0, True),
        (0.3, 0.1, 0, True),
        (1.005, 0.01, 0, False),
        (12, 6, 0, True),
        (13, 6, 0, False),
        (13, 6, 1, True),
        (-0.5, 0.25, 0, True),
        (1e300, 1e-300, 0, True),
        (5e-324, 1, 0, False),
        (9007199254740993, 2, 0, False),
        (0, 3, 0, True),
    ],
)
def test_a_multiple_is_one_in_decimals(value: float, step: float, base: float, expected: bool) -> None:  # noqa: FBT001
    assert is_multiple(value, step, base=base) is expected
