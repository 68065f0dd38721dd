"""Numbers as they are written: in decimals, where 19.99 is a multiple of 0.01."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from handshake_prompt.protocol.values import MAX_INTEGER

_LEVELS = 64
"""Of JSON that is looked at: what nests deeper is refused anyway."""
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


def carried(value: Any, *, levels: int = _LEVELS) -> Any:
    """Return JSON with numbers that the wire carries: the nearest double for larger whole ones, such as 2^63.

    A tuple, as msgspec has it in a default, is a list.
    """
    if isinstance(value, int):
        return value if abs(value) <= MAX_INTEGER else _double(value)
    if isinstance(value, list | tuple) and levels:
        return [carried(entry, levels=levels - 1) for entry in value]
    if isinstance(value, dict) and levels:
        return {name: carried(member, levels=levels - 1) for name, member in value.items()}
    return value


def is_finite(value: Any, *, levels: int = _LEVELS) -> bool:
    """Whether JSON has all the numbers in a value: Python writes infinities and NaN too."""
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        value = list(value.values())
    return not (isinstance(value, list | tuple) and levels) or all(is_finite(one, levels=levels - 1) for one in value)


def _double(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        return sys.float_info.max if value > 0 else -sys.float_info.max


def _decimal(number: Decimal | float) -> tuple[int, int]:
    """Return a whole number and the power of ten it is multiplied with; of a float, in its shortest decimal."""
    if isinstance(number, int):
        return number, 0
    mantissa, _, exponent = (repr(number) if isinstance(number, float) else f"{number:f}").partition("e")
    whole, _, fraction = mantissa.partition(".")
    return int(whole + fraction), int(exponent or 0) - len(fraction)
