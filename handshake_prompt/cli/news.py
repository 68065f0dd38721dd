"""News of a session as lines for a person: changes of values and of rows, and ends of requests.

Text of a server's stands in quotation marks, as everywhere in the output.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from handshake_prompt.texts.request_words import OPEN, end_words, request_words
from handshake_prompt.texts.row_tables import row_names

from . import form_table
from .foreign_text import author, clock, name_text, shell_word, value_text
from .shapes import keys, mappings
from .terminal import INDENT, Cell, Terminal, one_line


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


class EndedEvent(Protocol):
    """The end of a request of the agent's."""

    @property
    def id(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def values(self) -> Mapping[str, Any]: ...
    @property
    def filled(self) -> bool: ...
    @property
    def by_person(self) -> bool: ...


class RowEvent(Event, Protocol):
    """A change of a row."""

    @property
    def event(self) -> str: ...
    @property
    def after(self) -> str | None: ...


def diff(reply: Mapping[str, Any], terminal: Terminal, *, waited: float = 0.0) -> list[str]:
    """Return the changes, and the cursor to go on from.

    Args:
        reply: the diff.
        terminal: for the lines.
        waited: seconds for which a change was waited for.
    """
    changes = mappings(reply.get("changes"))
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
    lines += [*requests(reply), *problems(reply, terminal)]
    if reply.get("problems") == []:
        lines.append(terminal.paint("The form has no problems now.", "good"))
    if not (changes or {"rows", "problems", "requests"} & reply.keys()) and (waited or reply.get("timedOut") is True):
        within = f" within {waited:g} s" if waited else ""
        lines.append(f"No answer{within}. That nobody has changed anything is not an answer of the person's.")
    if reply.get("truncated"):
        lines.append(terminal.paint("There were more changes than are listed: read get-context again.", "wanting"))
    if reply.get("cursor"):
        lines.append(f"Go on with: --since {one_line(shell_word(reply['cursor']))}")
    return lines


def answer(reply: Mapping[str, Any], terminal: Terminal) -> list[str]:
    """Return the outcome of a question."""
    words = one_line(end_words(reply, str))
    lines = [
        terminal.paint(f"{words[:1].upper()}{words[1:]}.", "good" if reply.get("status") == "answered" else "wanting")
    ]
    if reply.get("attended") is False:
        lines.append("The person is not looking at the page now: tell them in the chat.")
    if reply.get("status") == OPEN and reply.get("cursor"):
        lines.append(f"The answer comes with: get-diff --since {one_line(shell_word(reply['cursor']))} --wait 25")
    return lines


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


def request_ended(event: EndedEvent, terminal: Terminal) -> str:
    """Return the one line of a question or a suggestion that has ended."""
    ended = {"status": event.status, "answer": {"values": dict(event.values), "filled": event.filled}}
    kind = "suggestion" if event.kind == "suggest" else "question"
    told = f"{kind} {one_line(name_text(event.id))}: {one_line(end_words(ended, str))}"
    return INDENT + terminal.paint(told, "person" if event.by_person else None)


def problems(reply: Mapping[str, Any], terminal: Terminal) -> Iterator[str]:
    """Yield the lines of the problems of the form."""
    for problem in mappings(reply.get("problems")):
        about = named_keys(problem.get("keys"))
        message = one_line(value_text(problem.get("msg")))
        yield terminal.paint(f"Problem: {about}: {message}" if about else f"Problem: {message}", "bad")
    if reply.get("problemsUnknown") is True:
        yield terminal.paint("Whether there are more problems is not known.", "wanting")


def named_keys(found: object) -> str:
    """Return keys in a line."""
    return one_line(", ".join(map(name_text, keys(found))))


def requests(reply: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of the requests to the person, each with its status."""
    for request in mappings(reply.get("requests")):
        words = one_line(request_words(request, str))
        yield f"{words[:1].upper()}{words[1:]}"


def _row_names(ids: object) -> str:
    return row_names(list(keys(ids)))


def _counted(number: int, noun: str) -> str:
    return f"{number or 'No'} {noun}{'' if number == 1 else 's'}"
