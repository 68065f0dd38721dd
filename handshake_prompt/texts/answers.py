"""An agent's answer, as it was read from a text that a person pasted. SPEC.md section 11."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Loose(str):
    """A value from a line of text. It may stand for a number or another JSON value: the field decides."""

    __slots__ = ()


class Fault(NamedTuple):
    """A line that could not be read: its number from 1, its text, and the reason."""

    line: int
    text: str
    msg: str


class Suggestion(NamedTuple):
    """A value that the agent suggests for a field."""

    key: str
    value: Any
    reason: str = ""


class UnreadableAnswerError(ValueError):
    """There is no block to read; `faults` names the lines."""

    def __init__(self, msg: str, faults: tuple[Fault, ...] = ()) -> None:
        super().__init__(msg)
        self.faults = faults


@dataclass(slots=True)
class Answer:
    """The content of a block.

    `code` and `session_id` say which prompt is answered; `line` is where the block begins, `blocks` the number of whole
    ones in the text, and `faults` are lines that were not read: of the block, or of blocks that are not whole.
    """

    line: int = 1
    fields: dict[str, Any] = field(default_factory=dict)
    add: list[tuple[str, Any]] = field(default_factory=list)
    remove: list[str] = field(default_factory=list)
    suggest: list[Suggestion] = field(default_factory=list)
    ask: list[Any] = field(default_factory=list)
    code: str = ""
    session_id: str = ""
    blocks: int = 1
    faults: tuple[Fault, ...] = ()
