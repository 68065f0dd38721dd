"""Frames that a page sends: parsed, and their marks read even where the rest is malformed. SPEC.md section 7."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from .errors import InvalidRequestError, TooLargeError

REF_CHARS = 64
"""A page's own mark on a message, given back in the answer; long enough for a UUID."""
SEARCHED_CHARS = 1024
"""How far into a malformed frame, from either end, its mark is looked for."""

_REF = re.compile(r'"ref"\s*:\s*("[^"\\\x00-\x1f]{0,64}"|-?(?:0|[1-9][0-9]{0,63})(?![0-9.eE]))')


def parse_frame(text: str) -> dict[str, Any]:
    """Return the message of a frame: an object with a `type`, and a proper `ref` if it has any.

    Raises:
        InvalidRequestError: it is none, or not JSON (`invalid_json`).
        TooLargeError: it is nested too deeply (`too_deep`).
    """
    try:
        message = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError):
        raise InvalidRequestError("The frame is not valid JSON", code="invalid_json") from None
    except RecursionError:
        raise TooLargeError("The frame is nested too deeply", code="too_deep") from None
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise InvalidRequestError("A frame is an object with a type")
    if "ref" in message and message["ref"] is not None and not _is_ref(message["ref"]):
        raise InvalidRequestError(f"ref has to be a text or a number of up to {REF_CHARS} characters")
    return message


def read_ref(text: str) -> str | int | None:
    """Return the mark of a frame that could not be parsed, None if none can be told for certain.

    Python's own parser takes JSON that ours refuses: half an emoji, a number beyond all bounds. Where it is at a loss
    too, the frame has to have exactly one member `ref`, near its beginning or its end.
    """
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        marks = {mark for part in (text[:SEARCHED_CHARS], text[-SEARCHED_CHARS:]) for mark in _REF.findall(part)}
        found = json.loads(marks.pop()) if len(marks) == 1 else None
    else:
        found = message.get("ref") if isinstance(message, dict) else None
    return found if _is_ref(found) else None


def _is_ref(value: object) -> bool:
    """Whether a value is a mark that can be sent back."""
    if isinstance(value, str):
        return len(value) <= REF_CHARS and not any("\ud800" <= char <= "\udfff" for char in value)
    return isinstance(value, int) and not isinstance(value, bool) and len(str(value)) <= REF_CHARS
