"""A request's content against the bounds: checked whole, before the first write, so that a bad one writes nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from .errors import InvalidRequestError, TooLargeError
from .limits import Limits
from .messages import Action, CreateRequest
from .values import check_key, check_name, check_value, shortest_too_large


def check_creation(asked: CreateRequest, limits: Limits) -> None:
    """Check the body of `POST /session`, all but the entries of its schema.

    Raises:
        InvalidRequestError: a mode, key or value is not what it may be.
        TooLargeError: too many fields, or too large a value (`value_too_large`) or `meta`.
    """
    mode = asked.mode or "default"
    if len(mode) > limits.mode_chars or not mode.isprintable():
        raise InvalidRequestError(f"mode has to be printable text of 1 to {limits.mode_chars} characters")
    check_value(asked.meta, limits)
    _check_count(len(asked.schema or ()), limits.fields, "fields in the schema")
    for values in filter(None, (asked.defaults, asked.context, asked.data)):
        check_values(values, limits)


def check_schema(entries: Sequence[Any], limits: Limits) -> None:
    """Check the entries of a schema as the values that they are.

    Raises:
        InvalidRequestError: one is not what a value may be.
        TooLargeError: one is too large.
    """
    for entry in entries:
        check_value(entry, limits)


def check_values(values: Mapping[str, Any], limits: Limits) -> None:
    """Check the keys and values of one object."""
    _check_count(len(values), limits.fields, "fields")
    for key, value in values.items():
        check_key(key, limits)
        check_value(value, limits)


def check_actions(actions: Sequence[Action], limits: Limits) -> None:
    """Check a batch of actions. What an action is about is the mode's business; that it is well formed is ours."""
    _check_count(len(actions), limits.actions, "actions in one batch")
    longest, short = limits.key_chars, shortest_too_large(limits)
    for action in actions:
        key, kind, value = action.key, action.type, action.value
        if key is not None:
            check_name(key, longest)
        if kind is not None and kind != "set":
            check_name(kind, longest)
        if type(value) is not str or len(value) >= short or not value.isascii():
            check_value(value, limits)


def check_edit(key: str | None, value: Any, limits: Limits) -> str:
    """Check an edit and return its key.

    Raises:
        InvalidRequestError: there is no key (`missing_key`), or key or value are not what they may be.
        TooLargeError: the value is too large.
    """
    if key is None:
        raise InvalidRequestError("key is required", code="missing_key")
    check_value(value, limits)
    return check_key(key, limits)


def check_extension(seconds: int, limits: Limits) -> int:
    """Check what `POST /session/{sid}/extend` asks for."""
    if not 1 <= seconds <= limits.extend_seconds:
        raise InvalidRequestError(f"extraSeconds must be between 1 and {limits.extend_seconds}")
    return seconds


def check_wait(wait: str | float, limits: Limits) -> float:
    """Return how long a long poll may wait, in seconds; more than the limit is cut to it."""
    try:
        seconds = float(wait)
    except ValueError:
        seconds = math.nan
    if not seconds >= 0:
        raise InvalidRequestError(f"wait has to be a number of seconds from 0 to {limits.long_poll:g}")
    return min(seconds, limits.long_poll)


def _check_count(count: int, most: int, what: str) -> None:
    if count > most:
        raise TooLargeError(f"At most {most} {what}", code=f"too_many_{what.split(maxsplit=1)[0]}")
