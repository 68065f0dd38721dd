"""An agent's answer, as it was read from a text that a person pasted. SPEC.md section 11."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from .pasted_text import Fault, PastedText, TextFaultError
from .placed_json import Members

CONTENT = frozenset({"fields", "rows", "add", "remove", "suggest", "ask", "actions"})
"""Members of an answer that ask for something; one of them makes an object an answer."""
ABOUT = frozenset({"code", "sessionid"})
"""Members that say which prompt is answered."""
NOTES = frozenset({"source", "reason", "confidence", "ifRev"})
"""Members of an action about its value, or on which it depends."""


def is_bare(members: Iterable[str]) -> bool:
    """Whether an object has no members of an answer, but fields at most."""
    return not any(name.strip().lower() in CONTENT for name in members)


class Loose(str):
    """A value from a line of text. It may stand for a number or another JSON value: the field decides."""

    __slots__ = ()


class Noted(dict[str, Any]):
    """A `value` that an action sets, with its notes."""


class Entry(NamedTuple):
    """The part of an answer for one field or row: its key, the value, its place in the text, and the agent's notes."""

    key: str
    value: Any = None
    place: int = 0
    notes: Mapping[str, Any] = MappingProxyType({})


class UnreadableAnswerError(ValueError):
    """There is no block to read; `faults` names the lines."""

    def __init__(self, msg: str, faults: tuple[Fault, ...] = ()) -> None:
        super().__init__(msg)
        self.faults = faults


@dataclass(slots=True)
class Answer:
    """The content of a block.

    `code` and `session_id` say which prompt is answered; `place` is where the block begins in `source`, `blocks` the
    number of whole ones in the text, and `faults` are lines that were not read: of the block, or of blocks that are not
    whole.
    """

    fields: Members = field(default_factory=Members)
    add: list[Entry] = field(default_factory=list)
    remove: list[Entry] = field(default_factory=list)
    suggest: list[Entry] = field(default_factory=list)
    ask: list[Any] = field(default_factory=list)
    code: str = ""
    session_id: str = ""
    place: int = 0
    blocks: int = 1
    faults: tuple[Fault, ...] = ()
    source: PastedText = field(default_factory=PastedText, repr=False)

    @property
    def line(self) -> int:
        """The line at which the block begins, from 1."""
        return self.source.line_of(self.place)

    def put_value(self, key: str, value: Any, place: int) -> None:
        """Take a value for a field.

        Raises:
            TextFaultError: there is one already.
        """
        if key in self.fields:
            raise TextFaultError(f"there are two values for {key!r}", place)
        self.fields.put_member(key, value, place)
