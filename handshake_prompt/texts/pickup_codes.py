"""Codes of pickups: 60 random bits in Crockford's Base 32, in groups to be read aloud and typed. SPEC.md section 4.

The alphabet leaves out the letters that pass for a digit or for another letter, so a reader can put them right.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from unicodedata import normalize
from urllib.parse import unquote

from .secret import Secret

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's: no I, L, O and U. Five bits a letter."""
LETTERS = 12
GROUP = 4

_LONGEST = 64
"""Characters that are looked at: a code with a separator behind each letter has 24."""
_LOOK_ALIKES = str.maketrans("ILOU", "110V")
_SEPARATORS = re.compile(r"[\s._\-\u2010-\u2015\u2212\xad\u061c\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]+")
"""Blanks, points and dashes; and characters that show as nothing, such as marks of direction in a text of Arabic."""
_AROUND = "\"'“”„‘’«»「」<>()[]{},;:!?*`،。、"
"""Marks of the sentence or of the emphasis around a code, which clients take for a part of it."""
_CODE = re.compile(rf"[{ALPHABET}]{{{LETTERS}}}")


_ADDRESS = re.compile(
    r"""(https?://[^\s<>"'`()\[\]{}|\\]{1,512}?)/pickup/([^\s<>"'`()\[\]{}|\\/?#]{1,192})(?:/([A-Za-z0-9_~-]{1,255}))?""",
    re.IGNORECASE,
)


class PickupAddress(NamedTuple):
    """Address of a pickup: the mount of its server, its code, and the key of one client, if it is in there."""

    mount: str
    code: Secret
    key: str | None


def group_letters(code: str) -> Secret:
    """Return a code as people are shown it: `7K3M-Q2VX-9HTD`."""
    return Secret("-".join(code[at : at + GROUP] for at in range(0, LETTERS, GROUP)))


def read_code(text: str) -> Secret | None:
    """Return the code that a text stands for, without its separators; None if it can be none.

    Either case is read, any separators between letters, letters of full width, and look-alikes of digits: `I`, `L` and
    `O`. A `U` is read as the `V` it was.
    """
    if len(text) > _LONGEST:
        return None
    code = Secret(_SEPARATORS.sub("", normalize("NFKC", text)).strip(_AROUND))
    if not code.isascii():
        return None
    code = Secret(code.upper().translate(_LOOK_ALIKES))
    return code if _CODE.fullmatch(code) else None


def find_address(text: str) -> PickupAddress | None:
    """Return the first address of a pickup in a text, such as a message that a person has passed on; None if none."""
    for found in _ADDRESS.finditer(text):
        if code := read_code(unquote(found[2])):
            return PickupAddress(found[1], code, Secret(found[3]) if found[3] else None)
    return None
