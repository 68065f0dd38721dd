"""Numbers as they are written: in decimals, where 19.99 is a multiple of 0.01."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

_WORD = 2**64
"""A modulus below it makes modular exponentiation cheaper than the power itself."""


def is_multiple(value: float, step: float, *, base: float = 0) -> bool:
    """Whether a number is a whole number of steps away from a base; the remainder of binary floats says otherwise."""
    return grid(step, base)(value)


def grid(step: float, base: Decimal | float) -> Callable[[Decimal | float], bool]:
    """Return the test whether a number is a whole number of steps away from a base.

    All three are whole numbers of some power of ten. The largest doubles have 300 digits there, so the test works with
    remainders (modular exponentiation) where it can.
    """
    (size, place), (zero, zero_place) = _decimal(step), _decimal(base)
    low = min(place, zero_place)
    size, zero = size * 10 ** (place - low), zero * 10 ** (zero_place - low)

    def is_on_grid(value: Decimal | float) -> bool:
        digits, exponent = _decimal(value)
        shift = exponent - low
        if shift < 0:
            scale = 10**-shift
            return not (digits - zero * scale) % (size * scale)
        return not (digits * (pow(10, shift, size) if size < _WORD else 10**shift) - zero) % size

    return is_on_grid


def _decimal(number: Decimal | float) -> tuple[int, int]:
    """Return a whole number and the power of ten it is multiplied with; of a float, in its shortest decimal."""
    if isinstance(number, int):
        return number, 0
    mantissa, _, exponent = (repr(number) if isinstance(number, float) else f"{number:f}").partition("e")
    whole, _, fraction = mantissa.partition(".")
    return int(whole + fraction), int(exponent or 0) - len(fraction)
