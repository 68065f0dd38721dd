"""The commands of an agent, or of the person who builds one. What talks to a server is loaded when it is needed."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from . import rendering
from .assignments import actions_of
from .exit_codes import EXIT_CODES, Exit
from .session_options import (
    JSON_OPTION,
    PROMPT_OPTION,
    STANDARD_INPUT,
    SessionOptions,
    parsed,
    prompt_text,
    read_prompt,
    takes_session,
)
from .terminal import Terminal, write, write_json, write_marked

if TYPE_CHECKING:
    from handshake_prompt.client import HandshakeAgent

LONGEST_WAIT = 25.0
"""Seconds; servers wait no longer."""

Reply = dict[str, Any]
Lines = Callable[[Mapping[str, Any], Terminal], Sequence[str]]


@click.command("parse-prompt", epilog=EXIT_CODES)
@PROMPT_OPTION
@click.option("--show-token", is_flag=True, help="Show the token to the person too; the JSON always has it.")
@JSON_OPTION
def parse_prompt(prompt: str | None, show_token: bool, as_json: bool) -> None:  # noqa: FBT001 (click calls by name)
    """Read the credentials from a handshake prompt.

    Without --prompt and HANDSHAKE_PROMPT the prompt is read from standard input.
    """
    text = prompt_text(prompt)
    found = parsed(read_prompt(STANDARD_INPUT) if text is None else text, as_json=as_json)
    members = {
        "sessionId": found.session_id,
        "token": found.token,
        "baseUrl": found.base_url,
        "prefix": found.prefix,
        "mode": found.mode,
        "expiresIn": found.expires_in,
    }
    reply = {name: value for name, value in members.items() if value is not None}
    _answer(reply, lambda _, terminal: rendering.prompt(found, terminal, show_token=show_token), as_json=as_json)


@click.command("get-context", epilog=EXIT_CODES)
@takes_session
def get_context(options: SessionOptions) -> None:
    """Read the page: fields, writers, what is missing."""
    reply = _ask(options, lambda agent: agent.get_context())
    _answer(reply, rendering.context, as_json=options.as_json)


@click.command(epilog=EXIT_CODES)
@click.option(
    "--set",
    "assigned",
    multiple=True,
    metavar="KEY=VALUE",
    help="Write a field; repeatable. A VALUE that is JSON is taken as such (12.5, true, null, [1]), else as text.",
)
@click.option(
    "--set-text", "texts", multiple=True, metavar="KEY=TEXT", help="Write a field as text, such as 007 or true."
)
@click.option(
    "--data",
    metavar="JSON",
    help="An object of values by key, or a list of actions; @FILE reads a file, - standard input.",
)
@click.option("--no-stream", is_flag=True, help="Show all fields on the page at once.")
@click.option(
    "--interval-ms",
    "--interval",
    "interval_ms",
    default=300,
    show_default=True,
    type=click.IntRange(min=0),
    help="Pause between two fields as the page shows them.",
)
@takes_session
def action(
    options: SessionOptions,
    *,
    assigned: Sequence[str],
    texts: Sequence[str],
    data: str | None,
    no_stream: bool,
    interval_ms: int,
) -> None:
    """Write fields. What the person wrote is theirs: such fields are refused."""
    actions = actions_of(assigned, texts, data, may_read_input=options.prompt != STANDARD_INPUT)
    reply = _ask(options, lambda agent: agent.action(actions, stream=not no_stream, interval_ms=interval_ms))
    _answer(reply, rendering.action, as_json=options.as_json)
    if rendering.has_refusals(reply):
        sys.exit(Exit.REFUSED)


@click.command("get-diff", epilog=EXIT_CODES)
@click.option("--since", metavar="CURSOR", help="A cursor of an earlier reply, or an ISO 8601 time.")
@click.option(
    "--wait",
    default=0.0,
    type=click.FloatRange(0, LONGEST_WAIT),
    metavar="SECONDS",
    help=f"Wait for a change if there is none yet, up to {LONGEST_WAIT:g}.",
)
@takes_session
def get_diff(options: SessionOptions, *, since: str | None, wait: float) -> None:
    """List what changed, and who did it.

    Without --since these are the last changes.
    """
    reply = _ask(options, lambda agent: agent.get_diff(since or None, wait=wait))
    _answer(reply, rendering.diff, as_json=options.as_json)


@click.command(epilog=EXIT_CODES)
@click.option(
    "--extra-seconds",
    default=1800,
    show_default=True,
    type=click.IntRange(min=1),
    help="How much longer it shall live.",
)
@takes_session
def extend(options: SessionOptions, *, extra_seconds: int) -> None:
    """Give the session more time.

    The server may grant less than asked for.
    """
    reply = _ask(options, lambda agent: agent.extend(extra_seconds))
    _answer(reply, rendering.extended, as_json=options.as_json)


@click.command(epilog=EXIT_CODES)
@click.option("--since", metavar="CURSOR", help="Begin after a cursor of an earlier reply.")
@takes_session
def watch(options: SessionOptions, *, since: str | None) -> None:
    """Show each change as it happens.

    Runs until the session ends or Ctrl+C; the exit code is 0 for both. With --json each line is an object whose type
    is context (how things stand, the first line), change, gap (some may have been missed; again with the context) or
    ended.
    """
    from . import runner  # noqa: PLC0415 (as above)

    runner.watch(options, since)


def _ask(options: SessionOptions, work: Callable[[HandshakeAgent], Awaitable[Reply]]) -> Reply:
    from .runner import ask  # noqa: PLC0415 (the HTTP client takes longer to load than all the rest)

    return ask(options, work)


def _answer(reply: Mapping[str, Any], lines: Lines, *, as_json: bool) -> None:
    if as_json:
        write_json(reply)
        return
    write(lines(reply, Terminal.of_stdout()))
    write_marked(reply)
