"""Validation of requests and of a page's reports against the limits.

It runs ahead of the first transition, so a bad request writes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from handshake_prompt.texts.quoting import has_glyph

from .bodies import Action, AskRequest, CreateRequest
from .errors import InvalidRequestError, TooLargeError
from .limits import Limits
from .packing import count_parts, to_json
from .values import (
    check_count,
    check_key,
    check_name,
    check_parts,
    check_shown,
    check_value,
    check_values,
    shortest_too_large,
)

_OPTIONS = 4
"""Times `value_bytes`, for the options of an entry of a schema: 900 with labels take some 80 KiB."""
_EMBEDDED = 4
"""Times `json_depth`, for the JSON Schema in an entry: a member of an object is two levels below it."""


def check_creation(asked: CreateRequest, limits: Limits) -> int:
    """Check the body of `POST /session`, all but the entries of its schema; return the number of values in it.

    Raises:
        InvalidRequestError: a malformed mode, key or value.
        TooLargeError: too many fields or values in all, or too large a value (`value_too_large`) or `meta`.
    """
    mode = asked.mode or "default"
    if len(mode) > limits.mode_chars or not mode.isprintable():
        raise InvalidRequestError(f"mode has to be printable text of 1 to {limits.mode_chars} characters")
    check_count(len(asked.schema or ()), limits.fields, "fields in the schema")
    parts = count_parts(asked.schema) + check_value(asked.meta, limits)
    for values in filter(None, (asked.defaults, asked.context, asked.data)):
        parts += check_values(values, limits)
    return check_parts(parts, limits)


def check_schema(entries: Sequence[Any], limits: Limits) -> None:
    """Check the entries of a schema as JSON values; their meaning is the mode's business.

    The options of an entry have room for themselves, and so has each entry of rows. A schema in it may nest deeper.

    Raises:
        InvalidRequestError: an entry is no acceptable value.
        TooLargeError: an entry is too large.
    """
    unread = [(entry, limits.json_depth) for entry in entries]
    while unread:
        entry, levels = unread.pop()
        own = dict(entry) if isinstance(entry, dict) else entry
        if type(own) is dict and levels and type(own.get("fields")) is list:
            unread += [(inner, levels - 1) for inner in own.pop("fields")]
        if type(own) is dict and type(own.get("options")) is list:
            check_value(own.pop("options"), limits, most=_OPTIONS * limits.value_bytes)
        if type(own) is dict and type(own.get("schema")) is dict:
            check_value(own.pop("schema"), limits, depth=_EMBEDDED * limits.json_depth)
        check_value(own, limits)


def check_actions(actions: Sequence[Action], limits: Limits) -> int:
    """Check the form of a batch of actions, not its meaning; return the number of values in lists and objects."""
    check_count(len(actions), limits.actions, "actions in one batch")
    longest, short, parts = limits.key_chars, shortest_too_large(limits), 0
    for action in actions:
        key, kind, value = action.key, action.type, action.value
        if key is not None:
            check_name(key, longest)
        if kind is not None and kind != "set":
            check_name(kind, longest)
        if type(value) is not str or len(value) >= short or not value.isascii():
            parts += check_value(value, limits)
        if action.source is not None or action.reason is not None or action.confidence is not None:
            _check_note(action, limits)
    return check_parts(parts, limits)


def _check_note(action: Action, limits: Limits) -> None:
    for name, text in (("source", action.source), ("reason", action.reason)):
        if text is not None:
            check_shown(text, limits, name=name)
    if action.confidence is not None and not 0 <= action.confidence <= 1:
        raise InvalidRequestError("confidence has to be a number from 0 to 1", code="invalid_value")


def check_edit(key: str | None, value: Any, limits: Limits) -> str:
    """Check an edit and return its key.

    Raises:
        InvalidRequestError: no key (`missing_key`), or a malformed key or value.
        TooLargeError: the value is too large.
    """
    if key is None:
        raise InvalidRequestError("key is required", code="missing_key")
    check_parts(check_value(value, limits), limits)
    return check_key(key, limits)


def check_ask(asked: AskRequest, limits: Limits) -> None:
    """Check the form of a question.

    Raises:
        InvalidRequestError: the text is empty or has control characters, the key is none, or the time is out of bounds.
        TooLargeError: the text is too long, or there are too many fields.
    """
    check_shown(asked.text, limits, name="text")
    if not has_glyph(asked.text):
        raise InvalidRequestError("text says nothing: ask something")
    if asked.key is not None:
        check_key(asked.key, limits)
    check_count(len(asked.fields or ()), limits.ask_fields, "fields in a question")
    check_value(asked.fields, limits)
    if asked.expires_in is not None and not 1 <= asked.expires_in <= limits.ask_longest:
        raise InvalidRequestError(f"expiresIn has to be between 1 and {limits.ask_longest:g} seconds")


def check_extension(seconds: int, limits: Limits) -> int:
    """Return the seconds of a request to extend.

    Raises:
        InvalidRequestError: they are not within the bound of one call.
    """
    if not 1 <= seconds <= limits.extend_seconds:
        raise InvalidRequestError(f"extraSeconds must be between 1 and {limits.extend_seconds}")
    return seconds


def check_wait(wait: str | float, limits: Limits) -> float:
    """Return how long a long poll may wait, in seconds; more than the limit is cut to it.

    Raises:
        InvalidRequestError: it is no number, or below zero.
    """
    try:
        seconds = float(wait)
    except ValueError:
        seconds = math.nan
    if not seconds >= 0:
        raise InvalidRequestError(f"wait has to be a number of seconds from 0 to {limits.long_poll:g}")
    return min(seconds, limits.long_poll)


def check_problem(key: str, msg: str | None, limits: Limits) -> None:
    """Check a problem that the page reports; "" stands for the form.

    Raises:
        InvalidRequestError: a malformed key or text.
        TooLargeError: the text is too large.
    """
    if key:
        check_key(key, limits)
    check_value(msg, limits)


def check_schema_change(entries: Sequence[Any], removed: Sequence[str], limits: Limits) -> None:
    """Check the form of a change of the schema; the meaning of the entries is the mode's business.

    Raises:
        InvalidRequestError: an entry is no acceptable value, or a key is malformed.
        TooLargeError: there is too much of it.
    """
    check_count(len(entries) + len(removed), limits.fields, "fields in one change of the schema")
    check_parts(count_parts(entries), limits)
    check_schema(entries, limits)
    for key in removed:
        check_key(key, limits)
    if len(to_json(entries)) > limits.frame_bytes:
        raise TooLargeError(f"A change of the schema holds at most {limits.frame_bytes} bytes", code="value_too_large")
