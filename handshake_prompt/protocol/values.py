"""Values of JSON from outside, and their keys, within bounds of kind, size, depth and number.

Texts put before a person are among them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

from .errors import InvalidRequestError, TooLargeError
from .limits import Limits
from .packing import to_json

MAX_INTEGER = 2**53 - 1
"""Beyond it a browser shows another number than the server holds."""

_RESERVED_KEYS = frozenset({"__proto__", "prototype", "constructor"})
"""Assigning to these on a JavaScript object changes more than a member."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_LAYOUT = dict.fromkeys(map(ord, "\t\n"), " ")
_CONTAINERS = frozenset({list, dict})
_LONG = _CONTAINERS | {str}
_JSON_TYPES = _LONG | {type(None), bool, int, float}
_WIDEST_ASCII = 6  # bytes that JSON spends on a control character, the longest escape within ASCII


def check_key(key: object, limits: Limits) -> str:
    """Return `key` if it may name a field.

    Args:
        key: the candidate, of any type.
        limits: `key_chars` bounds the length, in characters.

    Returns:
        The same key.

    Raises:
        InvalidRequestError: `invalid_key`, for anything but printable text of an allowed length and name.
    """
    if not isinstance(key, str):
        raise _invalid("key", "a key must be text" + (", and none is given" if key is None else ""))
    check_name(key, limits.key_chars)
    return key


@lru_cache(maxsize=4096)
def check_name(key: str, most: int) -> None:
    """Check a text as a key of at most `most` characters; the keys of a form come again and again.

    Raises:
        InvalidRequestError: `invalid_key`.
    """
    if not 1 <= len(key) <= most:
        raise _invalid("key", f"a key must be 1 to {most} characters long")
    if _CONTROL.search(key):
        raise _invalid("key", "a key must not contain control characters")
    if not _is_unicode(key):
        raise _invalid("key", "a key must be valid Unicode, without lone surrogates")
    if key in _RESERVED_KEYS:
        raise _invalid("key", f"{key} is a reserved name: choose another key")


def check_value(value: object, limits: Limits, *, most: int | None = None, depth: int | None = None) -> int:
    """Accept a value that JSON carries to every watcher unchanged, within the bounds of `limits`.

    Null, Booleans and numbers always fit; `value_bytes` bounds text, lists and objects.

    Args:
        value: null, a Boolean, a number, text, or lists and objects of these.
        limits: `value_bytes` bounds the UTF-8 JSON, `json_depth` the lists and objects within one another.
        most: bytes of UTF-8 JSON, in place of `value_bytes`.
        depth: levels, in place of `json_depth`.

    Returns:
        The number of values in it: itself, the entries of lists and the members of objects.

    Raises:
        InvalidRequestError: `invalid_value`, for another kind of value, text that is not Unicode, a number that is not
            finite or exact in a browser, the member name `__proto__`, or too deep a nesting (cycles included).
        TooLargeError: `value_too_large`.
    """
    if type(value) is str and len(value) < shortest_too_large(limits) and value.isascii():
        return 1
    _check_scalars((value,))
    if type(value) not in _LONG:
        return 1
    room = most or limits.value_bytes
    parts = 1 + _check_levels(value, depth or limits.json_depth, room)
    if len(to_json(value)) > room:
        raise _too_large(room)
    return parts


def shortest_too_large(limits: Limits) -> int:
    """Return how many characters of ASCII it takes for a text to be too large, however few of them are escaped."""
    return (limits.value_bytes - 2) // _WIDEST_ASCII + 1


def check_values(values: Mapping[str, Any], limits: Limits) -> int:
    """Check the keys and values of one object; return the number of values in them."""
    check_count(len(values), limits.fields, "fields")
    parts = 0
    for key, value in values.items():
        check_key(key, limits)
        parts += check_value(value, limits)
    return parts


def check_parts(parts: int, limits: Limits) -> int:
    """Return the number of JSON values in one body, if they are no more than may be.

    Raises:
        TooLargeError: `too_many_parts`.
    """
    if parts > limits.body_parts:
        raise _too_many_parts(limits)
    return parts


def check_count(count: int, most: int, things: str) -> None:
    """Refuse a number of things over its bound.

    Raises:
        TooLargeError: `too_many_` and the first word of `things`.
    """
    if count > most:
        raise TooLargeError(f"At most {most} {things}", code=f"too_many_{things.split(maxsplit=1)[0]}")


def check_shown(text: str, limits: Limits, *, name: str) -> None:
    """Check a text of the agent's that is put before the person.

    Raises:
        InvalidRequestError: it has control characters other than line breaks and tabs, or is no valid Unicode.
        TooLargeError: it is longer than a person reads (`value_too_large`).
    """
    if len(text) > limits.ask_chars:
        raise TooLargeError(f"{name} has at most {limits.ask_chars} characters", code="value_too_large")
    if _CONTROL.search(text.translate(_LAYOUT)) or not _is_unicode(text):
        raise _invalid("value", f"{name} has to be text without control characters but line breaks")


def check_json(raw: bytes, limits: Limits) -> None:
    """Refuse JSON with more values than a body may have before it is parsed: they take memory, bytes do not.

    An entry or a member follows a comma or opens a list or an object, so these bound the values from above, and twice
    the values from below. Commas and brackets within texts do not count.

    Raises:
        TooLargeError: `too_many_parts`.
    """
    most = 2 * limits.body_parts
    if len(raw) <= most or _count_separators(raw) <= most:
        return
    outside = b"".join(raw.replace(rb"\\", b"").replace(rb"\"", b"").split(b'"')[::2])
    if _count_separators(outside) > most:
        raise _too_many_parts(limits)


def _count_separators(raw: bytes) -> int:
    return raw.count(b",") + raw.count(b"[") + raw.count(b"{")


def _check_levels(value: Any, depth: int, most: int) -> int:
    """Check the lists and objects in a value, level by level, and return the number of their entries and members.

    `room` falls by no more than the next level takes once encoded, before that level is made. So a value that shares
    parts many times over runs out of it long before it runs out of memory, and a cycle ends where it is too deep.
    """
    level, room, parts = [value] if type(value) is not str else [], most, 0
    for _ in range(depth):
        if not level:
            return parts
        objects = [part for part in level if type(part) is dict]
        entries = sum(map(len, level))
        room -= entries + (_check_names(objects) if objects else 0)
        if room < 0:
            raise _too_large(most)
        parts += entries
        children = list(chain.from_iterable(part.values() if type(part) is dict else part for part in level))
        kinds = _check_scalars(children)
        if str in kinds:
            room -= sum(len(child) for child in children if type(child) is str)
        level = [child for child in children if type(child) in _CONTAINERS] if kinds & _CONTAINERS else []
    if level:
        raise _invalid("value", f"a value must not nest deeper than {depth} levels")
    if room < 0:
        raise _too_large(most)
    return parts


def _check_scalars(values: Sequence[Any]) -> set[type]:
    """Check the values that are no lists or objects, and return the types there are."""
    kinds = set(map(type, values))
    if not kinds <= _JSON_TYPES:
        raise _invalid("value", "a value must be null, true, false, a number, text, a list or an object")
    if int in kinds and any(not -MAX_INTEGER <= value <= MAX_INTEGER for value in values if type(value) is int):
        raise _invalid("value", "an integer must lie within plus or minus 2^53 - 1: send a larger one as text")
    if float in kinds and not all(math.isfinite(value) for value in values if type(value) is float):
        raise _invalid("value", "a number must be finite")
    if str in kinds and not all(_is_unicode(value) for value in values if type(value) is str):
        raise _invalid("value", "text must be valid Unicode, without lone surrogates")
    return kinds


def _check_names(objects: Sequence[dict[Any, Any]]) -> int:
    """Check the names of members, and return their characters."""
    names = list(chain.from_iterable(objects))
    if not all(type(name) is str and _is_unicode(name) for name in names):
        raise _invalid("value", "the names of an object's members must be valid Unicode text")
    if "__proto__" in names:
        raise _invalid("value", "__proto__ is a reserved name: choose another one for the object's member")
    return sum(map(len, names))


def _is_unicode(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _invalid(what: str, detail: str) -> InvalidRequestError:
    return InvalidRequestError(detail, code=f"invalid_{what}")


def _too_many_parts(limits: Limits) -> TooLargeError:
    return TooLargeError(
        f"At most {limits.body_parts} JSON values in one body, entries of lists and members of objects included",
        code="too_many_parts",
    )


def _too_large(most: int) -> TooLargeError:
    return TooLargeError(f"a value must not exceed {most} bytes of JSON", code="value_too_large")
