"""Numbers as they are written: in decimals, where 19.99 is a multiple of 0.01."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Context, Decimal

_EXACT = Context(prec=5_000)
"""More digits than lie between the largest and the smallest number: no difference is rounded, no quotient too long."""


def is_multiple(value: float, step: float, *, base: float = 0) -> bool:
    """Whether a number is a whole number of steps away from a base; the remainder of binary floats says otherwise."""
    return grid(step, base)(value)


def grid(step: float, base: Decimal | float) -> Callable[[Decimal | float], bool]:
    """Return the test whether a number is a whole number of steps away from a base."""
    size, zero = _decimal(step), _decimal(base)
    return lambda value: not _EXACT.remainder(_EXACT.subtract(_decimal(value), zero), size)


def _decimal(number: Decimal | float) -> Decimal:
    """Return the number that the shortest decimal of a float stands for."""
    return Decimal(repr(number)) if isinstance(number, float) else Decimal(number)
