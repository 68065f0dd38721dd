"""RE2 patterns of fields: compiled within bounds, matched at a cost known beforehand."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import re2

from handshake_prompt.protocol.errors import InvalidSchemaError
from handshake_prompt.protocol.limits import Limits

MATCH_STEPS = 5_000_000
"""The steps that matching one value, or one batch, may take: 40 ms, as the worst patterns take 8 ns a step."""

_ANY_MATCH = 300
"""Steps that a match costs before its first byte."""
_PROGRAM = 2_500
"""Instructions in a compiled pattern: enough for `.{0,255}` or for two classes of Unicode letters."""
_PATTERNS = 8
"""Times `pattern_chars`, for a schema's different patterns together: the worst take 50 ms each to compile."""
_OPTIONS = re2.Options()
_OPTIONS.max_mem = 256 * 1024  # bytes; with the default of 8 MiB, 500 characters can compile for seconds
_OPTIONS.log_errors = False
_OPTIONS.never_capture = True


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern that compiles; `instructions` is the worst-case cost of a byte of text, in steps."""

    text: str
    instructions: int

    def cost(self, value: object) -> int:
        """Return the worst-case steps of `check`."""
        if not isinstance(value, str):
            return 0
        return _ANY_MATCH + self.instructions * len(value.encode(errors="surrogatepass"))

    def check(self, value: object) -> str | None:
        """Return a noun phrase for a text that does not match as a whole; None for a match and for any other value."""
        if not isinstance(value, str):
            return None
        try:
            text = value.encode()
        except UnicodeEncodeError:
            return "text that is not valid Unicode"
        return None if _compiled(self.text).fullmatch(text) else "text that does not match"


class Patterns:
    """The different patterns of one schema, which are bounded together."""

    def __init__(self, limits: Limits) -> None:
        self._longest = limits.pattern_chars
        self._room = _PATTERNS * limits.pattern_chars
        self._known: dict[str, Pattern] = {}

    def compile(self, text: str) -> Pattern:
        """Return a compiled pattern; equal texts share one.

        Raises:
            InvalidSchemaError: RE2 does not take it, or it would cost too much.
        """
        if text not in self._known:
            if len(text) > self._longest:
                raise InvalidSchemaError(f"pattern must not exceed {self._longest} characters")
            self._room -= len(text)
            if self._room < 0:
                raise InvalidSchemaError("the schema's patterns are too long in all: shorten, share or drop some")
            self._known[text] = _measured(text)
        return self._known[text]


def _measured(text: str) -> Pattern:
    try:
        instructions = _compiled(text).programsize
    except re2.error:
        raise InvalidSchemaError(
            "pattern is not one that RE2 takes: lookaround and backreferences are not supported, nor are counts above"
            " 1000; to bound the length use maxLength"
        ) from None
    if instructions > _PROGRAM:
        raise InvalidSchemaError("pattern is too costly: lower its counts, or bound the length with maxLength")
    return Pattern(text, instructions)


@lru_cache(maxsize=128)
def _compiled(text: str) -> Any:
    # Fields keep the text alone, so this bounds what the patterns of all sessions take: 32 MiB, and as much again in
    # the cache behind re2.compile, which takes five times as long to ask.
    return re2.compile(text, _OPTIONS)
