"""Replies as lines for a person: tables of fields, of refusals and of changes.

Servers of version 0.2 leave out members, and a hostile one may send any: a member that is absent or of another shape is
shown as nothing, and text of a server's stands in quotation marks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from handshake_prompt.texts.prompt import ParsedPrompt
from handshake_prompt.texts.refusal_codes import code_text
from handshake_prompt.texts.row_tables import row_names

from . import form_table
from .foreign_text import NOTHING, author, clock, duration, name_text, shell_word, value_text
from .terminal import INDENT, Cell, Terminal, one_line

SHOWN_OF_TOKEN = 4
UNEXPLAINED = "the person wrote it, or the page does not allow it"


class Event(Protocol):
    """A change as the client hands it out."""

    @property
    def key(self) -> str: ...
    @property
    def by(self) -> str: ...
    @property
    def at(self) -> str: ...


class ValueEvent(Event, Protocol):
    """A change of a value."""

    @property
    def value(self) -> Any: ...
    @property
    def sensitive(self) -> bool: ...


class RowEvent(Event, Protocol):
    """A change of a row."""

    @property
    def event(self) -> str: ...
    @property
    def after(self) -> str | None: ...


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
    heading = f"{len(rows) - refused} written, {refused} refused{_left(reply)}"
    lines = [terminal.paint(heading, "bad" if refused else "good")]
    lines += ["", *terminal.table(("FIELD", "RESULT", "WHY"), rows), ""] if rows else []
    return [*lines, *_left_to_do(reply, terminal)]


def has_refusals(reply: Mapping[str, Any]) -> bool:
    """Whether some of a batch was not written."""
    return any(True for _ in _refused(reply))


def diff(reply: Mapping[str, Any], terminal: Terminal, *, waited: float = 0.0) -> list[str]:
    """Return the changes, and the cursor to go on from.

    Args:
        reply: the diff.
        terminal: for the lines.
        waited: seconds for which a change was waited for.
    """
    changes = _mappings(reply.get("changes"))
    order = reply.get("rows")
    of_values = " of values" if isinstance(order, Mapping) else ""
    lines = [terminal.paint(_counted(len(changes), "change") + of_values, "head")]
    rows = [
        (
            Cell(clock(change.get("at"))),
            Cell(name_text(change.get("key"))),
            author(change.get("by")),
            form_table.value(change, "to"),
        )
        for change in changes
    ]
    lines += ["", *terminal.table(("TIME", "FIELD", "BY", "VALUE"), rows), ""] if rows else []
    if isinstance(order, Mapping):
        lines += [f"{one_line(name_text(key))} has {one_line(_row_names(ids))} now" for key, ids in order.items()]
    elif not changes and (waited or reply.get("timedOut") is True):
        within = f" within {waited:g} s" if waited else ""
        lines.append(f"No answer{within}. That nobody has changed anything is not an answer of the person's.")
    if reply.get("truncated"):
        lines.append(terminal.paint("There were more changes than are listed: read get-context again.", "wanting"))
    if reply.get("cursor"):
        lines.append(f"Go on with: --since {one_line(shell_word(reply['cursor']))}")
    return lines


def extended(reply: Mapping[str, Any], terminal: Terminal) -> list[str]:
    """Return the time that a session has gained."""
    return [terminal.paint(f"Extended by {duration(reply.get('extended'))}{_left(reply)}", "good")]


def change(event: ValueEvent, terminal: Terminal) -> str:
    """Return the one line of a change as it happens."""
    return _event(event, form_table.value({"value": event.value, "sensitive": event.sensitive}, "value").text, terminal)


def row_change(event: RowEvent, terminal: Terminal) -> str:
    """Return the one line of a row that was added, removed or moved."""
    place = f" behind {name_text(event.after)}" if event.after is not None else " to the first place"
    return _event(event, f"row {event.event}{'' if event.event == 'removed' else place}", terminal)


def _event(event: Event, told: str, terminal: Terminal) -> str:
    writer = author(event.by)
    parts = [
        one_line(clock(event.at)),
        terminal.paint(one_line(writer.text), writer.style),
        f"{one_line(name_text(event.key))}:",
        one_line(told),
    ]
    return INDENT + INDENT.join(parts)


def _written(reply: Mapping[str, Any]) -> Iterator[Sequence[Cell]]:
    results = _mappings(reply.get("results")) or [
        {"key": key, "status": "applied"} for key in _keys(reply.get("applied"))
    ]
    for entry in results:
        if entry.get("status") == "applied":
            row = f"row {name_text(entry['row'])}" if "row" in entry else ""
            yield _key(entry), Cell("written", "good"), Cell(row)


def _refused(reply: Mapping[str, Any]) -> Iterator[Sequence[Cell]]:
    results = _mappings(reply.get("results"))
    if not results:  # version 0.2 says no more than this
        for key in _keys(reply.get("rejected")):
            yield Cell(name_text(key)), Cell("refused", "bad"), Cell(UNEXPLAINED)
        results = _mappings(reply.get("errors"))
    for entry in results:
        if entry.get("status") != "applied":
            yield _key(entry), Cell("refused", "bad"), Cell(": ".join(_reasons(entry)))


def _reasons(entry: Mapping[str, Any]) -> Iterator[str]:
    if entry.get("code"):
        yield code_text(entry["code"])
    if entry.get("msg"):
        yield value_text(entry["msg"])


def _key(entry: Mapping[str, Any]) -> Cell:
    return Cell(name_text(entry["key"]) if "key" in entry else NOTHING)


def _left_to_do(reply: Mapping[str, Any], terminal: Terminal) -> Iterator[str]:
    """Yield what is missing, and the form's problems."""
    if "missing" in reply:
        keys = _named(reply["missing"])
        yield terminal.paint(
            f"Still missing: {keys}" if keys else "Nothing that is required is missing.", "wanting" if keys else "good"
        )
    if keys := _named(reply.get("missingPerson")):
        yield terminal.paint(f"Still missing, for the person to fill: {keys}", "wanting")
    for problem in _mappings(reply.get("problems")):
        about = _named(problem.get("keys"))
        message = one_line(value_text(problem.get("msg")))
        yield terminal.paint(f"Problem: {about}: {message}" if about else f"Problem: {message}", "bad")
    if reply.get("problemsUnknown") is True:
        yield terminal.paint("Whether there are more problems is not known.", "wanting")


def _row_names(ids: object) -> str:
    return row_names(list(_keys(ids)))


def _named(keys: object) -> str:
    return one_line(", ".join(map(name_text, _keys(keys))))


def _name(reply: Mapping[str, Any], member: str) -> str:
    return one_line(name_text(reply[member])) if member in reply else NOTHING


def _left(reply: Mapping[str, Any]) -> str:
    return f", {duration(reply['expiresIn'])} left" if "expiresIn" in reply else ""


def _counted(number: int, noun: str) -> str:
    return f"{number or 'No'} {noun}{'' if number == 1 else 's'}"


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _mappings(value: object) -> list[Mapping[str, Any]]:
    return [one for one in _list(value) if isinstance(one, Mapping)]


def _keys(value: object) -> Iterator[str]:
    return map(str, _list(value))
