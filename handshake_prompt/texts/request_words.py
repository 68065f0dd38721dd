"""Requests of the agent to the person in words: questions and suggestions, and their ends.

Text from outside stands in them as quoted JSON. A request that nobody answered is told as that, never as a no.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .quoting import quote

Request = Mapping[str, Any]
Span = Callable[[str], str]
"""Marks quoted text for what renders the words."""

OPEN = "open"
ENDS = {
    OPEN: "not answered yet",
    "declined": "declined: the person said no",
    "expired": "expired: no answer, neither yes nor no",
    "withdrawn": "withdrawn",
    "superseded": "over: the field was changed, or another suggestion took its place",
}
"""status -> what it means; `answered` has an answer to tell."""


def request_words(request: Request, span: Span) -> str:
    """Return a request and its status, such as `question "May I?" (id e.7): declined: the person said no`.

    Args:
        request: as it is on the wire.
        span: for the quoted text.
    """
    return f"{_subject_words(request, span)} (id {span(quote(request.get('id')))}): {end_words(request, span)}"


def end_words(request: Request, span: Span) -> str:
    """Return the status of a request, with the answer if it has one."""
    status = request.get("status")
    if status != "answered":
        known = ENDS.get(status) if isinstance(status, str) else None
        return known or span(quote(status))
    answer = request.get("answer")
    given = answer if isinstance(answer, Mapping) else {}
    told = f"answered: {span(quote(given['values']))}" if given.get("values") else "answered: yes"
    hidden = given.get("filled") is True
    return "answered: the person filled in the field, hidden from you" if hidden and not given.get("values") else told


def _subject_words(request: Request, span: Span) -> str:
    key = request.get("key")
    about = f" for {span(quote(key))}" if key is not None else ""
    if request.get("kind") == "suggest":
        value = "a hidden value" if request.get("sensitive") else span(quote(request.get("value")))
        return f"suggestion{about}: {value}"
    return f"question{about} {span(quote(request.get('text')))}"
