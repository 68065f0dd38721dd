"""Results of the tools, for a model to read.

Each says the same twice: as JSON, and as a short text for hosts that show their model nothing else. In the text all
that comes from the page, or from a server other than this one, stands in quotation marks within a code span, or is of a
known set: hosts render the text as Markdown. Servers of version 0.2 leave out some of the members.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from mcp.types import CallToolResult, TextContent

from handshake_prompt.texts.markdown import markdown_pieces
from handshake_prompt.texts.option_words import option_words
from handshake_prompt.texts.outcome_words import (
    WORDS_CHARS,
    change_words,
    end_sentence,
    outcome_words,
    problem_sentences,
    quote_words,
)
from handshake_prompt.texts.quoting import code, code_span, visible
from handshake_prompt.texts.request_words import end_words, request_words
from handshake_prompt.texts.row_tables import row_names

NO_ANSWER = (
    "No answer: the person has changed nothing yet, which means neither yes nor no. Call wait_for_user again while "
    "there is something to wait for; else tell them in the chat what you wait for, and end your turn."
)
NOT_YET = (
    "Asked; the person has not answered yet, which means neither yes nor no. wait_for_user brings the answer; until "
    "then go on with what does not depend on it."
)
STATUS = ("missingPerson", "problems", "problemsUnknown")
"""Members about the form after a batch, beside `missing`."""


class Refusal(Protocol):
    """A failed call, as the errors of the server and of the client tell it."""

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


def refused(error: Refusal, *, is_foreign: bool = False) -> CallToolResult:
    """Return the result of a call that failed as a whole.

    Args:
        error: of the server or the client.
        is_foreign: whether its words come from another server, and so are quoted.
    """
    members: dict[str, Any] = {"code": error.code, "detail": _words(error.detail), "retryable": error.retryable}
    if error.retry_after is not None:
        members["retryAfter"] = _whole(error.retry_after)
    members["nextSteps"] = list(map(_words, error.next_steps))
    text = _quoted_sentences(error) if is_foreign else sentences(error)
    return _result([f"{text} (code: {error.code})"], members, is_error=True)


def sentences(error: Refusal) -> str:
    """Return the detail and the next steps of an error, as sentences."""
    return " ".join(end_sentence(_words(text)) for text in (error.detail, *error.next_steps, *_pause(error)))


def _quoted_sentences(error: Refusal) -> str:
    steps = [f"It advises: {quote_words(step)}" for step in error.next_steps]
    return " ".join(
        map(end_sentence, (f"The server refused and says: {quote_words(error.detail)}", *steps, *_pause(error)))
    )


def _pause(error: Refusal) -> list[str]:
    return [] if error.retry_after is None else [f"Wait {_whole(error.retry_after)} s, then repeat the call"]


async def context(reply: Mapping[str, Any]) -> CallToolResult:
    """Return the state of the page, rendered piece by piece: other work goes between any two."""
    pieces: list[str] = []
    try:
        for piece in markdown_pieces(reply):
            pieces.append(piece)
            await asyncio.sleep(0)
        text = "".join(pieces)
    except (LookupError, TypeError, ValueError, AttributeError):  # members are absent, or of another shape
        text = code(reply)
    return _result([text], reply)


def connected(handle: str, page: CallToolResult) -> CallToolResult:
    """Return the state of a page together with the handle of its session."""
    text = TextContent(type="text", text=f"session: {handle}\n\n")
    members = {"session": handle, **(page.structured_content or {})}
    return CallToolResult(content=[text, *page.content], structured_content=members)


def written(reply: Mapping[str, Any]) -> CallToolResult:
    """Return the outcome of a batch.

    The whole state is a call away. The cursor is left out: edits that were not read yet may lie before it, and to go on
    from there would be to miss them.
    """
    reasons = "results" if reply.get("results") else "errors"
    names = ("applied", "suggested", "rejected", reasons, "rows", "missing", *STATUS, "expiresIn")
    return _result(outcome_words(reply), {name: reply[name] for name in names if name in reply})


def options(reply: Mapping[str, Any]) -> CallToolResult:
    """Return the options that were found."""
    members = {name: reply[name] for name in ("options", "truncated") if name in reply}
    found = reply["options"]
    lines = [code_span(option_words(found, len(found)))] if found else ["There are none with these letters."]
    if reply.get("truncated") is True:
        lines.append("There are more: give other or more letters.")
    return _result(lines, members)


def changes(reply: Mapping[str, Any], shown: Sequence[Mapping[str, Any]], *, timed_out: bool = False) -> CallToolResult:
    """Return changes, and the cursor to go on from.

    Args:
        reply: the diff.
        shown: its changes that matter.
        timed_out: whether the time for a change of the person's ran out.
    """
    names = ("rows", "rowsBy", "problems", "problemsUnknown", "requests", "attended", "cursor", "truncated")
    members = {"changes": shown, **{name: reply[name] for name in names if name in reply}}
    lines = [*map(change_words, shown), *(_row_order(key, ids) for key, ids in (reply.get("rows") or {}).items())]
    lines += [f"Your {request_words(request, code_span)}." for request in reply.get("requests") or ()]
    lines += problem_sentences(reply) if "problems" in reply else ()
    if reply.get("problems") == []:
        lines.append("The form has no problems now.")
    if timed_out or (reply.get("timedOut") is True and not shown):
        members["timedOut"] = True
        lines.append(NO_ANSWER)
    elif not lines:
        lines.append("Nothing has changed.")
    if reply.get("truncated"):
        lines.append("More may have changed than is listed: call get_context.")
    if reply.get("cursor"):
        lines.append(f"Go on from cursor {quote_words(reply['cursor'])}.")
    return _result(lines, members)


def asked(opened: Mapping[str, Any], request: Mapping[str, Any] | None) -> CallToolResult:
    """Return the outcome of a question.

    The cursor is left out, as for a batch.

    Args:
        opened: the reply to it.
        request: the question as it has ended; None while it is open.
    """
    names = ("id", "status", "attended", "expiresIn")
    told = {name: opened[name] for name in names if name in opened}
    if request is not None:
        ended = {name: request[name] for name in ("status", "answer") if name in request}
        return _result([f"{end_words(request, code_span)}."], told | ended)
    away = "" if opened.get("attended", True) else " They are not looking at the page now: tell them in the chat."
    return _result([f"{NOT_YET}{away}"], told | {"timedOut": True})


def extended(reply: Mapping[str, Any]) -> CallToolResult:
    """Return how much more time there is."""
    members = {name: reply[name] for name in ("extended", "expiresIn")}
    return _result([f"{reply['extended']} s were added; the session has {reply['expiresIn']} s left."], members)


def _row_order(key: str, ids: Sequence[str]) -> str:
    return f"{code(key)} has {row_names(ids)} now."


def _result(lines: Iterable[str], members: Mapping[str, Any], *, is_error: bool = False) -> CallToolResult:
    content = TextContent(type="text", text="\n".join(lines))
    return CallToolResult(content=[content], structured_content=dict(members), is_error=is_error)


def _words(text: object) -> str:
    """Return words of ours or of the host's on one line, all of them visible, and not too many."""
    return visible(str(text)[:WORDS_CHARS])


def _whole(seconds: float) -> int:
    return max(1, math.ceil(seconds))
