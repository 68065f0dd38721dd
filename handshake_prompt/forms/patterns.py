"""RE2 patterns of fields: compiled within bounds, matched at a cost known beforehand."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import re2

from handshake_prompt.protocol.errors import InvalidSchemaError
from handshake_prompt.protocol.limits import Limits

from .pattern_shape import Shape, shape_of

MATCH_STEPS = 1_500_000
"""The steps that matching one value, or one batch, may take: 10 ms, as the worst patterns take 5 to 7 ns a step."""

_ANY_MATCH = 300
"""Steps that a match costs before its first byte."""
_PROGRAM = 2_500
"""Instructions in a compiled pattern: enough for `.{0,255}` or for two classes of Unicode letters."""
_ATOMS = 4 * _PROGRAM
"""Atoms of a pattern before it is compiled; RE2 may yet make one instruction of several."""
_CLASSES = 16
"""Unicode classes in one pattern: the worst take 200 µs each to compile."""
_PATTERNS = 8
"""Times `pattern_chars`, for the length of a schema's different patterns together."""
_PROGRAMS = 16_000
"""Instructions in a schema's different patterns together: compiling takes 0.5 µs each."""
_ANY_PROGRAM = 100
"""Instructions that any pattern counts as in addition: the cost of a pattern before its first."""
_STEPS_AT_CLASS, _STEPS_AT_ATOM = 150, 16
"""Instructions that RE2 looks at, at one place, for an atom that may be next: the ranges of its first byte."""
_FEW, _STEPS_OF_FEW = 8, 4
"""So few atoms make so few states that RE2 keeps them all and looks at one a byte."""
_OPTIONS = re2.Options()
_OPTIONS.max_mem = 256 * 1024  # bytes; with the default of 8 MiB, 500 characters can compile for seconds
_OPTIONS.log_errors = False
_OPTIONS.never_capture = True


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern that compiles; `steps` is the worst-case cost of a byte of text."""

    text: str
    steps: int

    def cost(self, value: object) -> int:
        """Return the worst-case steps of `check`."""
        if not isinstance(value, str):
            return 0
        return _ANY_MATCH + self.steps * len(value.encode(errors="surrogatepass"))

    def check(self, value: object) -> str | None:
        """Return a noun phrase for a text that does not match as a whole; None for a match and for any other value."""
        if not isinstance(value, str):
            return None
        try:
            text = value.encode()
        except UnicodeEncodeError:
            return "text that is not valid Unicode"
        return None if _compiled(self.text).fullmatch(text) else "text that does not match"


class UnknownPatternError(InvalidSchemaError):
    """A pattern is none that RE2 takes: the page may still know what to do with it."""


class Patterns:
    """The different patterns of one schema, which are bounded together."""

    def __init__(self, limits: Limits) -> None:
        self._longest = limits.pattern_chars
        self._chars = _PATTERNS * limits.pattern_chars
        self._instructions = _PROGRAMS
        self._known: dict[str, Pattern] = {}
        self._unknown: dict[str, UnknownPatternError] = {}

    def compile(self, text: str) -> Pattern:
        """Return a compiled pattern; equal texts share one.

        Raises:
            UnknownPatternError: RE2 does not take it.
            InvalidSchemaError: it would cost too much.
        """
        if text in self._unknown:
            raise self._unknown[text]
        if text not in self._known:
            self._known[text] = self._compile(text)
        return self._known[text]

    def _compile(self, text: str) -> Pattern:
        if len(text) > self._longest:
            raise InvalidSchemaError(f"pattern must not exceed {self._longest} characters")
        self._chars -= len(text)
        if self._chars < 0:
            raise InvalidSchemaError("the schema's patterns are too long in all: shorten, share or drop some")
        shape = shape_of(text)
        if shape.atoms > _ATOMS or shape.classes > _CLASSES:
            raise _too_costly()
        self._spend(_ANY_PROGRAM)
        try:
            pattern, instructions = _measured(text, shape)
        except UnknownPatternError as error:
            self._spend(shape.atoms)  # as RE2 may have tried to compile it
            self._unknown[text] = error
            raise
        self._spend(instructions)
        return pattern

    def _spend(self, instructions: int) -> None:
        self._instructions -= instructions
        if self._instructions < 0:
            raise InvalidSchemaError("the schema's patterns are too costly in all: simplify, share or drop some")


def _measured(text: str, shape: Shape) -> tuple[Pattern, int]:
    """Compile a pattern with a shape within bounds, and return it with the number of its instructions."""
    try:
        instructions = _compiled(text).programsize
    except re2.error:
        raise UnknownPatternError(
            "pattern is not one that RE2 takes: lookaround and backreferences are not supported, nor are counts above"
            " 1000; to bound the length use maxLength"
        ) from None
    if instructions > _PROGRAM:
        raise _too_costly()
    return Pattern(text, min(instructions, _steps(text, shape))), instructions


def _steps(text: str, shape: Shape) -> int:
    if shape.atoms <= _FEW and not shape.classes:
        return _STEPS_OF_FEW
    at_atom = _STEPS_AT_CLASS if shape.classes or not text.isascii() else _STEPS_AT_ATOM
    return at_atom * (shape.active + 1)


def _too_costly() -> InvalidSchemaError:
    return InvalidSchemaError("pattern is too costly: lower its counts, or bound the length with maxLength")


@lru_cache(maxsize=128)
def _compiled(text: str) -> Any:
    # Fields keep the text alone, so this bounds what the patterns of all sessions take: 32 MiB, and as much again in
    # the cache behind re2.compile, which takes five times as long to ask.
    return re2.compile(text, _OPTIONS)
