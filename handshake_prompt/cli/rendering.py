"""Replies as lines for a person: tables of fields, of refusals and of changes.

Servers of version 0.2 leave out members, and a hostile one may send any: a member that is absent or of another shape is
shown as nothing, and text of a server's stands in quotation marks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from handshake_prompt.texts.option_words import option_words
from handshake_prompt.texts.prompt import ParsedPrompt
from handshake_prompt.texts.refusal_codes import code_text, is_refused

from . import form_table
from .exit_codes import Exit
from .foreign_text import NOTHING, duration, name_text, value_text
from .news import named_keys, problems, requests
from .shapes import as_list, keys, mappings
from .terminal import INDENT, Cell, Terminal, one_line

SHOWN_OF_TOKEN = 4
UNEXPLAINED = "the person wrote it, or the page does not allow it"


def prompt(parsed: ParsedPrompt, terminal: Terminal, *, show_token: bool = False) -> list[str]:
    """Return the parts of a prompt; its token is masked unless asked for."""
    rest = f"… ({len(parsed.token)} characters; --show-token shows all)"
    rows = {
        "session": parsed.session_id,
        "token": parsed.token if show_token else parsed.token[:SHOWN_OF_TOKEN] + rest,
        "address": parsed.base_url + parsed.prefix,
        "mode": NOTHING if parsed.mode is None else name_text(parsed.mode),
        "expires in": NOTHING if parsed.expires_in is None else f"{duration(parsed.expires_in)} from when it was made",
    }
    heading = terminal.paint("A handshake prompt for one session", "head")
    return [heading, *terminal.table(("", ""), [(Cell(name, "faint"), Cell(text)) for name, text in rows.items()])[1:]]


def context(reply: Mapping[str, Any], terminal: Terminal) -> list[str]:
    """Return the state of the page: its fields, and the required ones that are missing."""
    lines = [terminal.paint(f"Session {_name(reply, 'sessionId')}, mode {_name(reply, 'mode')}{_left(reply)}", "head")]
    if reply.get("meta"):
        lines.append(f"About the page: {one_line(value_text(reply['meta']))}")
    table = form_table.rows(reply)
    lines += ["", *terminal.table(("FIELD", "VALUE", "BY", "NOTES"), table), ""] if table else ["It has no fields yet."]
    return [*lines, *_left_to_do(reply, terminal)]


def action(reply: Mapping[str, Any], terminal: Terminal) -> list[str]:
    """Return the outcome of a batch, field by field."""
    rows = [*_written(reply), *_refused(reply)]
    refused = sum(1 for _ in _refused(reply))
    suggested = sum(1 for _ in keys(reply.get("suggested")))
    also = f", {suggested} suggested" if suggested else ""
    heading = f"{len(rows) - refused - suggested} written{also}, {refused} refused{_left(reply)}"
    lines = [terminal.paint(heading, "bad" if refused else "good")]
    lines += ["", *terminal.table(("FIELD", "RESULT", "WHY"), rows), ""] if rows else []
    return [*lines, *_left_to_do(reply, terminal)]


def exit_code(reply: Mapping[str, Any]) -> Exit:
    """Return the exit code for a batch: whether none, some or all of it was refused."""
    if not any(_refused(reply)):
        return Exit.DONE
    return Exit.REFUSED if any(_written(reply)) else Exit.ALL_REFUSED


def options(reply: Mapping[str, Any], terminal: Terminal) -> list[str]:
    """Return the options that were found, one in a line."""
    found = as_list(reply.get("options"))
    lines = [f"{INDENT}{one_line(option_words([option], 1))}" for option in found]
    if reply.get("truncated") is True:
        lines.append(terminal.paint("There are more: give other or more letters.", "wanting"))
    return lines or ["There are none with these letters."]


def extended(reply: Mapping[str, Any], terminal: Terminal) -> list[str]:
    """Return the time that a session has gained."""
    return [terminal.paint(f"Extended by {duration(reply.get('extended'))}{_left(reply)}", "good")]


def _written(reply: Mapping[str, Any]) -> Iterator[Sequence[Cell]]:
    entries = [{"key": key, "status": "applied"} for key in keys(reply.get("applied"))]  # all that version 0.2 says
    for entry in mappings(reply.get("results")) or entries:
        if not is_refused(entry):
            row = f"row {name_text(entry['row'])}" if "row" in entry else ""
            yield _key(entry), Cell("suggested" if entry["status"] == "suggested" else "written", "good"), Cell(row)


def _refused(reply: Mapping[str, Any]) -> Iterator[Sequence[Cell]]:
    results = mappings(reply.get("results"))
    if not results:  # version 0.2 says no more than this
        for key in keys(reply.get("rejected")):
            yield Cell(name_text(key)), Cell("refused", "bad"), Cell(UNEXPLAINED)
        results = mappings(reply.get("errors"))
    for entry in results:
        if is_refused(entry):
            yield _key(entry), Cell("refused", "bad"), Cell(": ".join(_reasons(entry)))


def _reasons(entry: Mapping[str, Any]) -> Iterator[str]:
    if isinstance(entry.get("line"), int):
        yield f"line {entry['line']}"
    if entry.get("code"):
        yield code_text(entry["code"])
    if entry.get("msg"):
        yield value_text(entry["msg"])


def _key(entry: Mapping[str, Any]) -> Cell:
    return Cell(name_text(entry["key"]) if "key" in entry else NOTHING)


def _left_to_do(reply: Mapping[str, Any], terminal: Terminal) -> Iterator[str]:
    """Yield the missing fields, the form's problems, and the requests."""
    if "missing" in reply:
        keys = named_keys(reply["missing"])
        yield terminal.paint(
            f"Still missing: {keys}" if keys else "Nothing that is required is missing.", "wanting" if keys else "good"
        )
    if keys := named_keys(reply.get("missingPerson")):
        yield terminal.paint(f"Still missing, for the person to fill: {keys}", "wanting")
    yield from problems(reply, terminal)
    yield from requests(reply)


def _name(reply: Mapping[str, Any], member: str) -> str:
    return one_line(name_text(reply[member])) if member in reply else NOTHING


def _left(reply: Mapping[str, Any]) -> str:
    return f", {duration(reply['expiresIn'])} left" if "expiresIn" in reply else ""
