"""How a command ends: its exit code, and what is said when it could not do its work."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from enum import IntEnum
from typing import Any, NoReturn

from .terminal import complain, write_json


class Exit(IntEnum):
    """Exit codes of the agent's commands."""

    DONE = 0
    OTHER = 1
    USAGE = 2
    REFUSED = 3
    ENDED = 4
    CREDENTIAL = 5
    UNAVAILABLE = 6


MEANINGS = {
    Exit.DONE: "everything was done",
    Exit.OTHER: "the request was refused, or the server does not speak the protocol",
    Exit.USAGE: "the command line, the prompt, the data or the address cannot be used",
    Exit.REFUSED: "some fields were refused; the reply says which and why",
    Exit.ENDED: "the session has ended, or never existed",
    Exit.CREDENTIAL: "the token is not, or no longer, valid",
    Exit.UNAVAILABLE: "the server cannot be reached, or cannot serve now: try later",
}

EXIT_CODES = "\b\nExit codes:\n" + "\n".join(f"  {code.value}  {meaning}" for code, meaning in MEANINGS.items())
"""For the end of a help text."""


def fail(
    sentence: str, *, next_step: str | None = None, exit_code: Exit, reported: Mapping[str, Any] | None = None
) -> NoReturn:
    """End the command, since it could not do its work.

    Args:
        sentence: what went wrong, for standard error.
        next_step: what to do about it.
        exit_code: how the command ends.
        reported: the same for a program, for standard output; where JSON was asked for.
    """
    complain(sentence, next_step)
    if reported is not None:
        write_json(reported)
    sys.exit(exit_code)


def problem(detail: str, *, code: str, next_step: str | None = None) -> dict[str, Any]:
    """Return an error that no server sent in the members of those that servers send."""
    steps = {"nextSteps": [next_step]} if next_step else {}
    return {"ok": False, "error": detail, "code": code, "detail": detail, "retryable": False, **steps}
