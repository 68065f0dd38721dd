"""What a model reads when a tool has done its work, or could not.

Each result says the same twice: as JSON, and as a short text for hosts that show their model nothing else, in which
whatever comes from the page stands in quotation marks. Servers of version 0.2 leave out some of the members.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from mcp.types import CallToolResult, TextContent

from handshake_prompt.texts.markdown import context_as_markdown
from handshake_prompt.texts.quoting import quote, visible

WORDS_CHARS = 500
"""Of a server's own words: a sentence or two."""

DONE_BY = {
    "user": "by the person",
    "user_edit": "by the person",
    "default": "given back by the person: yours to change again",
    "ai": "by an agent",
}


class Refusal(Protocol):
    """Why a call failed, as the errors of the server and of the client tell it."""

    @property
    def code(self) -> str: ...
    @property
    def detail(self) -> str: ...
    @property
    def retryable(self) -> bool: ...
    @property
    def retry_after(self) -> float | None: ...
    @property
    def next_steps(self) -> tuple[str, ...]: ...


def refused(error: Refusal) -> CallToolResult:
    """Return the result of a call that failed as a whole."""
    members: dict[str, Any] = {"code": error.code, "detail": _words(error.detail), "retryable": error.retryable}
    if error.retry_after is not None:
        members["retryAfter"] = _whole(error.retry_after)
    members["nextSteps"] = list(map(_words, error.next_steps))
    return _result([f"{told(error)} (code: {error.code})"], members, is_error=True)


def told(error: Refusal) -> str:
    """Return what an error says and what to do next, as sentences."""
    pause = [] if error.retry_after is None else [f"Wait {_whole(error.retry_after)} s, then repeat the call"]
    return " ".join(_sentence(_words(text)) for text in (error.detail, *error.next_steps, *pause))


def context(reply: Mapping[str, Any]) -> CallToolResult:
    """Return the state of the page."""
    try:
        text = context_as_markdown(reply)
    except (LookupError, TypeError, ValueError, AttributeError):  # it is not told as version 1.0 does
        text = quote(reply)
    return _result([text], reply)


def written(reply: Mapping[str, Any]) -> CallToolResult:
    """Return what became of a batch.

    The whole state is a call away. The cursor is left out: edits that were not read yet may lie before it, and whoever
    went on from there would never hear of them.
    """
    told_of = ("applied", "rejected", "results" if reply.get("results") else "errors", "missing", "expiresIn")
    return _result(_outcome(reply), {name: reply[name] for name in told_of if name in reply})


def changes(reply: Mapping[str, Any], shown: Sequence[Mapping[str, Any]], *, timed_out: bool = False) -> CallToolResult:
    """Return changes, those of a reply that are to be shown, and where to go on from."""
    members = {"changes": shown, **{name: reply[name] for name in ("cursor", "truncated") if name in reply}}
    lines = list(map(_change, shown))
    if timed_out:
        members["timedOut"] = True
        lines.append(
            "The person has changed nothing yet. Call wait_for_user again while there is something to wait for; "
            "else tell them in the chat what you wait for, and end your turn."
        )
    elif not lines:
        lines.append("Nothing has changed.")
    if reply.get("truncated"):
        lines.append("More may have changed than is listed: call get_context.")
    if reply.get("cursor"):
        lines.append(f"Go on from cursor {_words(reply['cursor'])}.")
    return _result(lines, members)


def extended(reply: Mapping[str, Any]) -> CallToolResult:
    """Return how much more time there is."""
    members = {name: reply[name] for name in ("extended", "expiresIn")}
    return _result([f"{reply['extended']} s were added; the session has {reply['expiresIn']} s left."], members)


def _outcome(reply: Mapping[str, Any]) -> Iterator[str]:
    yield f"Written: {_listed(reply['applied'])}." if reply["applied"] else "Nothing was written."
    for entry in _refusals(reply):
        why = ": ".join(_words(entry[name]) for name in ("code", "msg") if entry.get(name))
        current = entry.get("current")
        holds = f" It holds {quote(current.get('value'))} now." if isinstance(current, Mapping) else ""
        yield f"Refused: {quote(entry.get('key'))}: {_sentence(why or 'rejected')}{holds}"
    missing = reply.get("missing")
    if missing is not None:
        yield f"Required and still empty: {_listed(missing)}." if missing else "Nothing that is required is empty."


def _refusals(reply: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    if entries := reply.get("results"):
        return [entry for entry in entries if entry.get("status") != "applied"]
    return [*({"key": key} for key in reply["rejected"]), *reply["errors"]]  # version 0.2 says no more than this


def _change(change: Mapping[str, Any]) -> str:
    value = "a value that is hidden from you" if change.get("sensitive") else quote(change["to"])
    return f"{quote(change['key'])}: {value} ({DONE_BY.get(change['by']) or _words(change['by'])})"


def _result(lines: Iterable[str], members: Mapping[str, Any], *, is_error: bool = False) -> CallToolResult:
    content = TextContent(type="text", text="\n".join(lines))
    return CallToolResult(content=[content], structured_content=dict(members), is_error=is_error)


def _listed(keys: Iterable[str]) -> str:
    return ", ".join(map(quote, keys))


def _words(text: object) -> str:
    """Return a server's words on one line, with nothing hidden in them, and not too many."""
    return visible(str(text)[:WORDS_CHARS])


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?", "。")) else f"{text}."


def _whole(seconds: float) -> int:
    return max(1, math.ceil(seconds))
