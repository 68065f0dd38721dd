"""Numbers as they are written: in decimals, where 19.99 is a multiple of 0.01."""

from __future__ import annotations

from fractions import Fraction


def is_multiple(value: float, step: float, *, base: float = 0) -> bool:
    """Whether a number is a whole number of steps away from a base; the remainder of binary floats says otherwise."""
    return not (exact(value) - exact(base)) % exact(step)


def exact(number: float) -> Fraction:
    """Return the number that the shortest decimal of a float stands for."""
    return Fraction(number) if isinstance(number, int) else Fraction(repr(number))
