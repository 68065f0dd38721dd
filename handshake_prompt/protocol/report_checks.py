"""Checks of a page's reports, ahead of the transition: a bad report changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .errors import TooLargeError
from .limits import Limits
from .packing import count_parts, to_json
from .validation import check_count, check_key, check_parts, check_schema, check_value


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
