"""Outcomes of a batch, and changes, in words for an agent.

All that comes from the page, or from a server other than this one, stands in quotation marks within a code span, or is
of a known set. Servers of version 0.2 leave out some of the members.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .markdown import problem_words
from .quoting import code
from .refusal_codes import REFUSAL_CODES, is_refused

WORDS_CHARS = 500
"""Of a server's own words: a sentence or two."""

DONE_BY = {
    "user": "by the person",
    "user_edit": "by the person",
    "default": "given back by the person: yours to change again",
    "ai": "by an agent",
}


def outcome_words(reply: Mapping[str, Any]) -> Iterator[str]:
    """Yield sentences about the reply to a batch, with its members as they are on the wire."""
    done = [entry for entry in reply.get("results") or () if not is_refused(entry)]
    added = [f"{entry['key']}/{entry['row']}" for entry in done if "row" in entry]
    suggested = [entry["key"] for entry in done if entry["status"] == "suggested"]
    written = [entry["key"] for entry in done if entry["status"] == "applied" and "row" not in entry]
    if not reply.get("results"):
        written = reply["applied"]
    if added:
        yield f"Added: {_list_keys(added)}."
    if suggested:
        yield f"Suggested, for the person to decide: {_list_keys(suggested)}."
    if written or not done:
        yield f"Written: {_list_keys(written)}." if written else "Nothing was written."
    for entry in _refusals_in(reply):
        why = ": ".join(_reasons_of(entry))
        subject = f"{code(entry.get('key'))}{_refused_line(entry)}"
        yield f"Refused: {subject}: {end_sentence(why or 'rejected')}{_present_value(entry.get('current'))}"
    missing = reply.get("missing")
    if missing is not None:
        yield f"Required and still empty: {_list_keys(missing)}." if missing else "Nothing that is required is empty."
    if reply.get("missingPerson"):
        yield f"Still empty, for the person to fill: {_list_keys(reply['missingPerson'])}."
    yield from problem_sentences(reply)


def problem_sentences(reply: Mapping[str, Any]) -> Iterator[str]:
    """Yield sentences about the problems of a form."""
    yield from (f"Problem: {problem_words(problem)}" for problem in reply.get("problems") or ())
    if reply.get("problemsUnknown") is True:
        yield "Whether there are more problems is not known."


def change_words(change: Mapping[str, Any]) -> str:
    """Return the words for an entry of `changes`."""
    value = "a value that is hidden from you" if change.get("sensitive") else code(change["to"])
    return f"{code(change['key'])}: {value} ({DONE_BY.get(change['by']) or quote_words(change['by'])})"


def quote_words(words: object) -> str:
    """Return words of another server in quotation marks, as a code span."""
    return code(str(words)[:WORDS_CHARS])


def end_sentence(text: str) -> str:
    """Return a text with an end."""
    return text if text.endswith((".", "!", "?", "。")) else f"{text}."


def _present_value(current: object) -> str:
    if not isinstance(current, Mapping) or current.get("sensitive"):
        return ""
    return f" It holds {code(current.get('value'))} now."


def _refused_line(entry: Mapping[str, Any]) -> str:
    """Return the line of a pasted answer that was refused."""
    return f" (line {entry['line']})" if isinstance(entry.get("line"), int) else ""


def _reasons_of(entry: Mapping[str, Any]) -> Iterator[str]:
    if entry.get("code"):
        known = isinstance(entry["code"], str) and entry["code"] in REFUSAL_CODES
        yield entry["code"] if known else code(entry["code"])
    if entry.get("msg"):
        yield quote_words(entry["msg"])


def _refusals_in(reply: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    if entries := reply.get("results"):
        return list(filter(is_refused, entries))
    return [*({"key": key} for key in reply["rejected"]), *reply["errors"]]  # version 0.2 says no more than this


def _list_keys(keys: Iterable[str]) -> str:
    return ", ".join(map(code, keys))
