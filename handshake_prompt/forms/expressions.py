"""Regular expressions of models, as ECMA-262, Python or Rust write them, matched in linear time wherever RE2 can.

A lookahead right behind `^`, as rules for passwords have it, is matched as an expression of its own. Anything else
beyond RE2 is left to a backtracking matcher under a time limit.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple, Protocol

import re2

from handshake_prompt.protocol.errors import InvalidSchemaError
from handshake_prompt.protocol.limits import Limits

from .patterns import Pattern, Patterns

_TRIES = 8
"""Expressions of a schema that no field can match: after so many no other is tried, for each takes milliseconds."""
MATCH_SECONDS = 0.05
"""For one text by backtracking: matching holds up every other thread of the process."""

_ESCAPE = re.compile(
    r"\\(?:u\{([0-9A-Fa-f]{1,6})\}"
    r"|u([Dd][89ABab]..)\\u([Dd][C-Fc-f]..)"
    r"|u([0-9A-Fa-f]{4})|c([A-Za-z])|(.))"
)
_LOOKAHEAD = ("(?=", "(?!")
_OPTIONS = re2.Options()
_OPTIONS.max_mem = 1024 * 1024
_OPTIONS.log_errors = False
_OPTIONS.never_capture = True


class MatchTimeoutError(Exception):
    """An expression takes too long to match a text."""


class UnknownExpressionError(ValueError):
    """Nothing here can match an expression."""


class _Compiled(Protocol):
    def search(self, text: str) -> object: ...


class WholePatterns:
    """Expressions as the `pattern` of fields: for the whole text, in RE2, within the bounds of one schema."""

    def __init__(self) -> None:
        self._patterns = Patterns(Limits())
        self._known: dict[str, Pattern | None] = {}
        self._tries = _TRIES

    def of(self, expression: str) -> str | None:
        """Return the pattern that matches the texts in which an expression is found, None if there is none."""
        pattern = self.compiled(expression)
        return pattern.text if pattern is not None else None

    def compiled(self, expression: str) -> Pattern | None:
        """Return that pattern compiled."""
        if expression not in self._known:
            self._known[expression] = self._compiled(expression) if self._tries else None
        return self._known[expression]

    def _compiled(self, expression: str) -> Pattern | None:
        try:
            return self._patterns.compile(_whole(_as_re2(expression)))
        except InvalidSchemaError:
            self._tries -= 1
            return None


class _Part(NamedTuple):
    """An expression that has to be found, or not to be."""

    expression: str
    is_wanted: bool = True


@lru_cache(maxsize=512)
def searcher(expression: str) -> Callable[[str], bool]:
    """Return the test whether an expression is found in a text.

    Raises:
        UnknownExpressionError: it is none that RE2, or else the matcher under a time limit, takes.
        MatchTimeoutError: by the test.
    """
    try:
        tests = [(_compiled(part.expression), part.is_wanted) for part in _parts(_as_re2(expression))]
    except UnknownExpressionError:
        return _backtracking(expression)
    return lambda text: all((test.search(text) is not None) == wanted for test, wanted in tests)


def _compiled(expression: str) -> _Compiled:
    try:
        compiled: _Compiled = re2.compile(expression, _OPTIONS)
    except re2.error:
        raise UnknownExpressionError(expression) from None
    return compiled


def _backtracking(expression: str) -> Callable[[str], bool]:
    try:
        import regex  # noqa: PLC0415 - a part of the extra `forms`
    except ImportError:
        raise UnknownExpressionError("this expression needs handshake-prompt[forms]") from None
    try:
        compiled = regex.compile(expression)
    except regex.error as error:
        raise UnknownExpressionError(str(error)) from None

    def test(text: str) -> bool:
        try:
            return compiled.search(text, timeout=MATCH_SECONDS, concurrent=True) is not None
        except TimeoutError:
            raise MatchTimeoutError from None

    return test


def _as_re2(expression: str) -> str:
    """Write the escapes of ECMA-262 and of Python as RE2 does."""
    return _ESCAPE.sub(_escape, expression)


def _escape(found: re.Match[str]) -> str:
    braced, high, low, four, control, other = found.groups()
    if control:
        return rf"\x{{{ord(control) % 32:x}}}"
    if high:
        point = 0x10000 + ((int(high, 16) - 0xD800) << 10) + int(low, 16) - 0xDC00
        return rf"\x{{{point:x}}}"
    if braced or four:
        return rf"\x{{{braced or four}}}"
    return r"\z" if other == "Z" else found[0]


def _parts(expression: str) -> list[_Part]:
    """Take the lookaheads off the beginning of an expression."""
    if not expression.startswith("^") or _alternates(expression):
        return [_Part(expression)]
    parts: list[_Part] = []
    rest = expression[1:]
    while rest.startswith(_LOOKAHEAD):
        end = _closing(rest)
        parts.append(_Part(f"^(?:{rest[3:end]})", is_wanted=rest[2] == "="))
        rest = rest[end + 1 :]
        if rest[:1] and rest[0] in "*+?{":
            raise UnknownExpressionError(expression)
    return [*parts, _Part(f"^{rest}")]


def _whole(expression: str) -> str:
    r"""Return the expression for a whole text of one that is searched for.

    `^[a-z]+$` is `[a-z]+`, `[a-z]` is `(?s:.*)[a-z](?s:.*)`.
    """
    if _alternates(expression):
        return f"(?s:.*)(?:{expression})(?s:.*)"
    if expression.endswith(r"\z") and not _is_escaped(expression, len(expression) - 2):
        expression = f"{expression[:-2]}$"
    starts = expression.startswith("^")
    ends = expression.endswith("$") and not _is_escaped(expression, len(expression) - 1)
    inner = expression[1 if starts else 0 : -1 if ends else None]
    return ("" if starts else "(?s:.*)") + inner + ("" if ends else "(?s:.*)")


def _is_escaped(expression: str, place: int) -> bool:
    slashes = len(expression[:place]) - len(expression[:place].rstrip("\\"))
    return slashes % 2 == 1


def _alternates(expression: str) -> bool:
    """Whether an expression has a `|` outside of parentheses."""
    return any(depth == 0 and char == "|" for _, char, depth in _outside_classes(expression))


def _closing(expression: str) -> int:
    """Return the place of the parenthesis that closes the one at the beginning."""
    for place, char, depth in _outside_classes(expression):
        if char == ")" and depth == 0:
            return place
    raise UnknownExpressionError(expression)


def _outside_classes(expression: str) -> list[tuple[int, str, int]]:
    """Return the characters that mean something: their place, and how many parentheses are open there."""
    found: list[tuple[int, str, int]] = []
    depth, in_class, place = 0, False, 0
    while place < len(expression):
        char = expression[place]
        if char == "\\":
            place += 2
            continue
        if in_class:
            in_class = char != "]"
        elif char == "[":
            in_class = True
            if expression[place + 1 : place + 2] == "^":
                place += 1
            if expression[place + 1 : place + 2] == "]":  # RE2 and Python take it for a member
                place += 1
        else:
            depth -= char == ")"
            found.append((place, char, depth))
            depth += char == "("
        place += 1
    return found
