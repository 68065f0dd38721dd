"""How replies look to a person: what is in the page, who wrote it, what is missing, what was refused and why.

Replies are taken as they come: a member that is absent or of another shape is shown as nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from handshake_prompt.texts.prompt import ParsedPrompt

from .terminal import INDENT, Cell, Terminal, said, value_text

WRITERS = {
    "ai": Cell("agent", "agent"),
    "user": Cell("person", "person"),
    "user_edit": Cell("person (edited)", "person"),
    "default": Cell("default", "faint"),
    "empty": Cell("–", "faint"),
}
"""`by` on the wire -> who wrote a value."""

OPTIONS_SHOWN = 8
SHOWN_OF_TOKEN = 4
UNEXPLAINED = "the person wrote it, or the page does not allow it"
FOREVER = 10**9
"""Seconds that no session lives."""


class Event(Protocol):
    """A change as the client hands it out."""

    @property
    def key(self) -> str: ...
    @property
    def value(self) -> Any: ...
    @property
    def by(self) -> str: ...
    @property
    def at(self) -> str: ...
    @property
    def sensitive(self) -> bool: ...


def prompt(parsed: ParsedPrompt, terminal: Terminal, *, show_token: bool = False) -> list[str]:
    """Return what a prompt says; its token is masked unless asked for."""
    rest = f"… ({len(parsed.token)} characters; --show-token shows all)"
    rows = {
        "session": parsed.session_id,
        "token": parsed.token if show_token else parsed.token[:SHOWN_OF_TOKEN] + rest,
        "address": parsed.base_url + parsed.prefix,
        "mode": parsed.mode or "–",
        "expires in": "–" if parsed.expires_in is None else f"{duration(parsed.expires_in)} from when it was made",
    }
    heading = terminal.paint("A handshake prompt for one session", "head")
    return [heading, *terminal.table(("", ""), [(Cell(name, "faint"), Cell(text)) for name, text in rows.items()])[1:]]


def context(reply: Mapping[str, Any], terminal: Terminal) -> list[str]:
    """Return the page as it is: its fields, and what is missing."""
    mode, session_id = said(reply.get("mode", "–"), 64), said(reply.get("sessionId", "–"), 32)
    lines = [terminal.paint(f"Session {session_id}, mode {mode}{_left(reply)}", "head")]
    if reply.get("meta"):
        lines.append(f"About the page: {said(value_text(reply['meta']))}")
    schema = [field for field in _list(reply.get("schema")) if isinstance(field, Mapping) and "key" in field]
    described: dict[str, Mapping[str, Any]] = {str(field["key"]): field for field in schema}
    missing = set(_keys(reply.get("missing")))
    records = _records(reply)
    keys = [*described, *(key for key in records if key not in described)]
    rows = [_field(key, described.get(key, {}), records.get(key, {}), is_missing=key in missing) for key in keys]
    lines += ["", *terminal.table(("FIELD", "VALUE", "BY", "NOTES"), rows), ""] if rows else ["It has no fields yet."]
    return [*lines, *_missing(reply, terminal)]


def action(reply: Mapping[str, Any], terminal: Terminal) -> list[str]:
    """Return what became of each field of a batch."""
    rows = [*_written(reply), *_refused(reply)]
    refused = sum(1 for _ in _refused(reply))
    heading = f"{len(rows) - refused} written, {refused} refused{_left(reply)}"
    lines = [terminal.paint(heading, "bad" if refused else "good")]
    lines += ["", *terminal.table(("FIELD", "RESULT", "WHY"), rows), ""] if rows else []
    return [*lines, *_missing(reply, terminal)]


def has_refusals(reply: Mapping[str, Any]) -> bool:
    """Whether some of a batch was not written."""
    return any(True for _ in _refused(reply))


def diff(reply: Mapping[str, Any], terminal: Terminal) -> list[str]:
    """Return the changes, and where to go on from."""
    changes = [change for change in _list(reply.get("changes")) if isinstance(change, Mapping)]
    lines = [terminal.paint(_counted(len(changes), "change"), "head")]
    rows = [
        (Cell(clock(change.get("at"))), Cell(str(change.get("key"))), writer(change.get("by")), _value(change, "to"))
        for change in changes
    ]
    lines += ["", *terminal.table(("TIME", "FIELD", "BY", "VALUE"), rows), ""] if rows else []
    if reply.get("truncated"):
        lines.append(terminal.paint("There were more changes than are listed: read get-context again.", "wanting"))
    if reply.get("cursor"):
        lines.append(f"Go on with: --since {said(reply['cursor'])}")
    return lines


def extended(reply: Mapping[str, Any], terminal: Terminal) -> list[str]:
    """Return how much longer a session lives."""
    return [terminal.paint(f"Extended by {duration(reply.get('extended'))}{_left(reply)}", "good")]


def change(event: Event, terminal: Terminal) -> str:
    """Return the one line of a change as it happens."""
    who = writer(event.by)
    shown = _value({"value": event.value, "sensitive": event.sensitive}, "value")
    parts = [said(clock(event.at)), terminal.paint(said(who.text), who.style), f"{said(event.key)}:", said(shown.text)]
    return INDENT + INDENT.join(parts)


def writer(by: object) -> Cell:
    """Return who a value is by."""
    return WRITERS.get(str(by)) or Cell(str(by or "–"))


def duration(seconds: object) -> str:
    """Return a length of time as a person says it."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < FOREVER:
        return "–"
    hours, minutes = divmod(int(seconds) // 60, 60)
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min" if minutes else f"{int(seconds)} s"


def clock(at: object) -> str:
    """Return the local time of day of an instant of the wire, or what stands in its place."""
    try:
        return f"{datetime.fromisoformat(str(at)).astimezone():%H:%M:%S}"
    except (ValueError, OverflowError, OSError):
        return str(at or "–")


def _field(key: str, field: Mapping[str, Any], record: Mapping[str, Any], *, is_missing: bool) -> Sequence[Cell]:
    notes = "; ".join(_notes(key, field, is_missing=is_missing))
    return Cell(key), _value(record, "value"), writer(record.get("by")), Cell(notes, "wanting" if is_missing else None)


def _notes(key: str, field: Mapping[str, Any], *, is_missing: bool) -> Iterator[str]:
    if is_missing or field.get("required"):
        yield "missing" if is_missing else "required"
    for name, note in (("readOnly", "read only"), ("sensitive", "hidden from the agent"), ("multiple", "several")):
        if field.get(name):
            yield note
    if field.get("type"):
        yield str(field["type"])
    if options := [option.get("value") for option in _list(field.get("options")) if isinstance(option, Mapping)]:
        more = ", …" if len(options) > OPTIONS_SHOWN else ""
        yield f"one of {', '.join(map(value_text, options[:OPTIONS_SHOWN]))}{more}"
    words = [str(field[name]) for name in ("label", "desc") if field.get(name) and str(field[name]) != key]
    if words:
        yield ": ".join(words)


def _value(record: Mapping[str, Any], name: str) -> Cell:
    if record.get("sensitive"):
        return Cell("(hidden)" if record.get("filled", True) else "–", "faint")
    return Cell(value_text(record.get(name)))


def _written(reply: Mapping[str, Any]) -> Iterator[Sequence[Cell]]:
    for key in _keys(reply.get("applied")):
        yield Cell(key), Cell("written", "good"), Cell("")


def _refused(reply: Mapping[str, Any]) -> Iterator[Sequence[Cell]]:
    results = [entry for entry in _list(reply.get("results")) if isinstance(entry, Mapping)]
    if not results:  # version 0.2 says no more than this
        results = [{"key": key, "msg": UNEXPLAINED} for key in _keys(reply.get("rejected"))]
        results += [entry for entry in _list(reply.get("errors")) if isinstance(entry, Mapping)]
    for entry in results:
        if entry.get("status") != "applied":
            why = ": ".join(str(entry[name]) for name in ("code", "msg") if entry.get(name))
            yield Cell(str(entry.get("key", "–"))), Cell("refused", "bad"), Cell(why)


def _records(reply: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    records = reply.get("context")
    if isinstance(records, Mapping):
        return {key: record for key, record in records.items() if isinstance(record, Mapping)}
    values = reply.get("data")  # version 0.2 outside of forms: values whose author nobody knows
    return {key: {"value": value} for key, value in values.items()} if isinstance(values, Mapping) else {}


def _missing(reply: Mapping[str, Any], terminal: Terminal) -> Iterable[str]:
    if "missing" not in reply:
        return []
    keys = list(_keys(reply["missing"]))
    if not keys:
        return [terminal.paint("Nothing that is required is missing.", "good")]
    return [terminal.paint(f"Still missing: {said(', '.join(keys))}", "wanting")]


def _left(reply: Mapping[str, Any]) -> str:
    return f", {duration(reply['expiresIn'])} left" if "expiresIn" in reply else ""


def _counted(number: int, noun: str) -> str:
    return f"{number or 'No'} {noun}{'' if number == 1 else 's'}"


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _keys(value: object) -> Iterator[str]:
    return map(str, _list(value))
