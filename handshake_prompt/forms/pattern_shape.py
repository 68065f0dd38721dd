"""Size of a pattern as it is written: an upper bound of its compiled size, known before RE2 compiles it.

To refuse a pattern costs RE2 most, since it gives up only after it has written the counts out. The shape is an upper
bound wherever the syntax leaves a doubt; whether the pattern is well formed is RE2's business.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

_TOKEN = re.compile(
    r"""
      (?P<literal> \\Q (?P<quoted> .*? ) (?: \\E | $ ) )
    | (?P<unicode> \\[pP] (?: \{[^}]*\} | . ) )
    | (?P<set> \[\^?\]? (?: \[:\^?\w+:\] | \\. | [^\]\\] )* \]? )
    | \{ (?P<low> [0-9]+ ) (?P<upto> , (?P<high> [0-9]* ) )? \}
    | (?P<quantifier> [*+?] )
    | (?P<open> \( (?: \? (?: P?<\w*> | [a-zA-Z-]*:? ) )? )
    | (?P<close> \) )
    | (?P<bar> \| )
    | (?P<run> [^\\\[\](){}*+?|.]{2,} )
    | (?P<atom> \\x\{[^}]*\} | \\x.. | \\[0-7]{1,3} | \\. | . )
    """,
    re.VERBOSE | re.DOTALL,
)
_UNICODE = re.compile(r"\\[pP]|\[:\^")
_DIGITS = 5
"""Of a count that are read: RE2 takes counts up to 1000."""
_LARGE = 1_000_000
"""More atoms than any pattern may have: counts within counts are not multiplied further."""


class Shape(NamedTuple):
    """The size of a pattern or of a part of it.

    `atoms` are its characters and classes with all counts written out. `active` bounds the atoms that can be the next
    to match at one place of a text. `varies` says whether it matches texts of different lengths: where it does, the
    atoms behind it may be reached in many ways at once. `classes` are the Unicode classes, as they are written.
    """

    atoms: int = 0
    active: int = 0
    varies: bool = False
    classes: int = 0

    def repeated(self, low: int, high: int | None) -> Shape:
        """Return the shape of this part `low` to `high` times; None is without end.

        Repeats of a part of one length are in step, so each place of a text belongs to one of them.
        """
        atoms = min(_LARGE, self.atoms * max(1, low, high or 0))
        return Shape(atoms, atoms if self.varies else self.active, self.varies or low != high, self.classes)


_ATOM = Shape(1, 1)
_QUANTIFIERS: Mapping[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}


def shape_of(text: str) -> Shape:
    """Return the shape of a pattern, in time linear in its length."""
    groups = [_Group()]
    for token in _TOKEN.finditer(text):
        kind = token.lastgroup
        if kind == "open":
            groups.append(_Group())
        elif kind == "close":
            _close(groups)
        elif kind == "bar":
            groups[-1].branch()
        elif kind in ("quantifier", "low", "upto", "high"):
            groups[-1].repeat(*_counts(token))
        else:
            for part in _parts(token):
                groups[-1].add(part)
    while len(groups) > 1:
        _close(groups)
    return groups[0].shape()


def _parts(token: re.Match[str]) -> Sequence[Shape]:
    """Return the parts of a token that matches something; only the last of them can be repeated."""
    if token["run"]:
        return Shape(len(token["run"]) - 1, 1), _ATOM
    if token["literal"]:
        return (Shape(len(token["quoted"]), 1),)
    classes = len(_UNICODE.findall(token[0])) if token.lastgroup != "atom" else 0
    return (Shape(1, 1, classes=classes),) if classes else (_ATOM,)


def _close(groups: list[_Group]) -> None:
    if len(groups) > 1:
        shape = groups.pop().shape()
        groups[-1].add(shape)


def _counts(token: re.Match[str]) -> tuple[int, int | None]:
    """Return the counts of a quantifier; None is without end."""
    if token["quantifier"]:
        return _QUANTIFIERS[token["quantifier"]]
    low = int(token["low"][:_DIGITS])
    if not token["upto"]:
        return low, low
    return low, int(token["high"][:_DIGITS]) if token["high"] else None


class _Group:
    """A group under way: the branches before, the parts of this one up to the last, and the last."""

    __slots__ = ("_active", "_atoms", "_branched", "_branches", "_classes", "_last", "_varies")

    def __init__(self) -> None:
        self._branches, self._branched = Shape(), False
        self._begin()

    def _begin(self) -> None:
        self._atoms = self._active = self._classes = 0
        self._varies = False
        self._last = Shape()

    def add(self, part: Shape) -> None:
        """Put a part behind the others. Where they vary in length, all its atoms may be reached at once with theirs."""
        atoms, active, varies, classes = self._last
        if self._varies:
            self._active += atoms
        elif active > self._active:
            self._active = active
        self._atoms += atoms
        self._varies = self._varies or varies
        self._classes += classes
        self._last = part

    def repeat(self, low: int, high: int | None) -> None:
        self._last = self._last.repeated(low, high)

    def branch(self) -> None:
        self._branches, self._branched = self.shape(), True
        self._begin()

    def shape(self) -> Shape:
        self.add(Shape())
        atoms, active, _, classes = self._branches
        return Shape(
            min(_LARGE, self._atoms + atoms),
            self._active + active,
            self._varies or self._branched,
            self._classes + classes,
        )
