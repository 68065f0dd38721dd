"""Report on a pasted answer, for the agent that only the person can tell. SPEC.md section 11."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .outcome_words import change_words, outcome_words, quote_words
from .prompt_form import VALUE_CHARS, shorten_value
from .quoting import code, code_span
from .request_words import request_words


def report_lines(reply: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of the report.

    Args:
        reply: the reply to `POST /paste`, of plain JSON values.
    """
    results = [
        {**_shorten_result(one), "line": line} for one, line in zip(reply["results"], reply["lines"], strict=True)
    ]
    yield from outcome_words(reply | {"results": results})
    yield from map(_question_line, reply["questions"])
    yield from (
        f"Line {one['line']} was not read: {quote_words(one['text'])}: {quote_words(one['msg'])}."
        for one in reply["unread"]
    )
    if reply["changes"]:
        yield "Changed since the prompt:"
        yield from (
            f"- {change_words(one | {'to': shorten_value(one['to'], VALUE_CHARS)})}" for one in reply["changes"]
        )
    if more := reply.get("changesLeftOut"):
        yield f"{more} more have changed: ask the person for a new prompt."
    else:
        yield f"To go on, answer with one more block, under the code {code(reply['code'])}."


def _shorten_result(result: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a result with no more of the present value than a prompt shows."""
    current = result.get("current")
    if current is None:
        return result
    return {**result, "current": {**current, "value": shorten_value(current["value"], VALUE_CHARS)}}


def _question_line(question: Mapping[str, Any]) -> str:
    if question["status"] == "error":
        return f"Not asked: {code(question['text'])}: {quote_words(question['msg'])}."
    return f"Your {request_words({'kind': 'ask', **question, 'id': question.get('request')}, code_span)}."
