"""Characters that show as nothing."""

from __future__ import annotations

from unicodedata import category

_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"}
_LETTERS = "\u034f\u115f\u1160\u17b4\u17b5\u180b\u2800\u3164\ufe00\ufe0f\uffa0\U0001d159\U000e0100\U000e01ef"

UNSEEN = [chr(point) for point in range(0x10000) if category(chr(point)) in _CATEGORIES and point != ord(" ")]
"""Controls, formats, separators but the space, surrogates, private and unassigned ones; and blank letters."""
UNSEEN += ["\U000e0001", "\U000f0000", *_LETTERS]
