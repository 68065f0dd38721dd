"""Conditions of a form's fields in words, with keys and values as quoted JSON. SPEC.md section 5."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .quoting import quote

DEPTH = 8
"""Levels of a condition, as many as a server takes; what lies deeper stands as JSON."""
SHOWN_VALUES = 12


def condition_words(condition: object, depth: int = DEPTH) -> str:
    """Return a condition such as `"kind" is "company" and "home" has a value`; one of another form as JSON."""
    match condition if depth else None:
        case {"key": str(name), "in": list(values)}:
            return f"{quote(name)} is {'' if len(values) == 1 else 'one of '}{_list_of_values(values)}"
        case {"filled": str(name)}:
            return f"{quote(name)} has a value"
        case {"all": [*parts]} if parts:
            return " and ".join(_words_of_parts(parts, depth))
        case {"any": [*parts]} if parts:
            return " or ".join(_words_of_parts(parts, depth))
        case {"not": part}:
            return _negated_words(part, depth)
    return quote(condition)


def _negated_words(part: object, depth: int) -> str:
    match part:
        case {"key": str(name), "in": list(values)}:
            return f"{quote(name)} is {'not' if len(values) == 1 else 'none of'} {_list_of_values(values)}"
        case {"filled": str(name)}:
            return f"{quote(name)} is empty"
    return f"not {_enclosed_words(part, depth)}"


def _words_of_parts(parts: Sequence[object], depth: int) -> Iterator[str]:
    if len(parts) == 1:
        yield condition_words(parts[0], depth - 1)
        return
    for part in parts:
        yield _enclosed_words(part, depth)


def _enclosed_words(part: object, depth: int) -> str:
    words = condition_words(part, depth - 1)
    return f"({words})" if isinstance(part, dict) and part.keys() & {"all", "any"} else words


def _list_of_values(values: Sequence[object]) -> str:
    shown = ", ".join(map(quote, values[:SHOWN_VALUES]))
    return f"{shown}, … ({len(values)} in all)" if len(values) > SHOWN_VALUES else shown
