"""Exit codes of the agent's commands, and the report of a failure."""

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
    DECLINED = 7
    UNANSWERED = 8
    ALL_REFUSED = 9


MEANINGS = {
    Exit.DONE: "everything was done",
    Exit.OTHER: "the request was refused, or the server does not speak the protocol",
    Exit.USAGE: "the command line, the prompt, the data, the address or this machine's settings cannot be used",
    Exit.REFUSED: "some fields were refused, others not; the reply says which and why",
    Exit.ENDED: "the session has ended (expired, revoked, submitted), or never existed",
    Exit.CREDENTIAL: "the token is not, or no longer, valid",
    Exit.UNAVAILABLE: "the server cannot be reached, or cannot serve now: try later",
    Exit.DECLINED: "the person said no",
    Exit.UNANSWERED: "the person has not answered: neither yes nor no",
    Exit.ALL_REFUSED: "all fields were refused, and nothing was written; the reply says why",
}

EXIT_CODES = "\b\nExit codes:\n" + "\n".join(f"  {code.value}  {meaning}" for code, meaning in MEANINGS.items())
"""For the end of the help text of the whole command."""

_WORDS = {
    Exit.DONE: "done",
    Exit.OTHER: "refused",
    Exit.USAGE: "not usable",
    Exit.REFUSED: "some fields refused",
    Exit.ENDED: "session ended",
    Exit.CREDENTIAL: "token not valid",
    Exit.UNAVAILABLE: "try later",
    Exit.DECLINED: "the person said no",
    Exit.UNANSWERED: "not answered",
    Exit.ALL_REFUSED: "all fields refused",
}

EXIT_CODES_IN_SHORT = (
    "Exit codes: "
    + ", ".join(f"{code.value} {words}" for code, words in _WORDS.items())
    + "; handshake-prompt --help explains them."
)
"""For the end of a help text of one subcommand."""


def fail(
    sentence: str, *, next_step: str | None = None, exit_code: Exit, reported: Mapping[str, Any] | None = None
) -> NoReturn:
    """End the command with a failure.

    Args:
        sentence: the fault, for standard error.
        next_step: the remedy.
        exit_code: of the process.
        reported: the same for a program, for standard output, if JSON was asked for.
    """
    complain(sentence, next_step)
    if reported is not None:
        write_json(reported)
    sys.exit(exit_code)


def problem(detail: str, *, code: str, next_step: str | None = None) -> dict[str, Any]:
    """Return an error of our own with the members of a server's."""
    steps = {"nextSteps": [next_step]} if next_step else {}
    return {"ok": False, "error": detail, "code": code, "detail": detail, "retryable": False, **steps}
