"""A command's talk with the server and its output: one reply, as lines for a person and as JSON for a program."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from .session_options import SessionOptions
from .terminal import Terminal, is_watched, write, write_json, write_marked

if TYPE_CHECKING:
    from handshake_prompt.client import HandshakeAgent

T = TypeVar("T")

Members = dict[str, Any]
Lines = Callable[[Mapping[str, Any], Terminal], Sequence[str]]


def as_agent(options: SessionOptions, work: Callable[[HandshakeAgent], Awaitable[T]]) -> T:
    """Do one piece of work as the agent of a session; see `run_as_agent`."""
    from .runner import run_as_agent  # noqa: PLC0415 (the HTTP client takes longer to load than all the rest)

    return run_as_agent(options, work)


def show(reply: Mapping[str, Any], lines: Lines, *, as_json: bool) -> None:
    """Write a reply: as JSON alone, as lines on a terminal, as both into a pipe."""
    if as_json:
        write_json(reply)
        return
    write(lines(reply, Terminal.of_stdout()))
    if not is_watched():
        write_marked(reply)
