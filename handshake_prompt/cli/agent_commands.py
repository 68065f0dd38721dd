"""The agent's commands: options and help. The HTTP client is loaded by the commands that need it, as they run."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import click

from . import news, rendering
from .assignments import Assignments, RowOptions, assignments_of
from .exit_codes import EXIT_CODES_IN_SHORT
from .replies import Members, as_agent, show
from .session_options import (
    JSON_OPTION,
    PROMPT_OPTION,
    SessionOptions,
    parsed,
    prompt_text,
    read_prompt,
    takes_session,
)
from .text_files import STANDARD_INPUT

if TYPE_CHECKING:
    from handshake_prompt.client import HandshakeAgent

LONGEST_WAIT = 25.0
"""Seconds; servers wait no longer."""

# Help texts are arguments: `python -OO` has no docstrings.


@click.command(
    "parse-prompt",
    help="Read the credentials from a handshake prompt.\n\n"
    "Without --prompt and HANDSHAKE_PROMPT the prompt is read from standard input.",
    epilog=EXIT_CODES_IN_SHORT,
)
@PROMPT_OPTION
@click.option("--show-token", is_flag=True, help="Show the token to the person too; the JSON always has it.")
@JSON_OPTION
def parse_prompt(prompt: str | None, show_token: bool, as_json: bool) -> None:  # noqa: FBT001 (click calls by name)
    """Run `parse-prompt`."""
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
    show(reply, lambda _, terminal: rendering.prompt(found, terminal, show_token=show_token), as_json=as_json)


@click.command("get-context", help="Read the page: fields, their authors, what is missing.", epilog=EXIT_CODES_IN_SHORT)
@takes_session
def get_context(options: SessionOptions) -> None:
    """Run `get-context`."""
    show(as_agent(options, lambda agent: agent.get_context()), rendering.context, as_json=options.as_json)


@click.command(
    help="Write fields. A field that the person has written is theirs: it is refused.", epilog=EXIT_CODES_IN_SHORT
)
@click.option(
    "--set",
    "assigned",
    multiple=True,
    metavar="KEY=VALUE",
    help="Write a field; repeatable. VALUE is text for a field of text (007 stays 007), else JSON: 12.5, true, null, "
    '["a", "b"]. The schema is read for that; a field without a type takes JSON where VALUE is that.',
)
@click.option("--set-text", "texts", multiple=True, metavar="KEY=TEXT", help="Write a field as text in any case.")
@click.option(
    "--add",
    multiple=True,
    metavar="LIST[={...}]",
    help="Add a row to a list, with its values by key as JSON; repeatable, like the next two.",
)
@click.option("--remove", multiple=True, metavar="LIST/ROW", help="Remove a row.")
@click.option(
    "--move", multiple=True, metavar="LIST/ROW=ROW", help="Move a row behind another one, or to the place `first`."
)
@click.option(
    "--data",
    metavar="JSON",
    help="An object of values by key, or a list of actions; @FILE reads a file, - standard input.",
)
@click.option("--source", metavar="TEXT", help="For the person: where the values of --set and --set-text come from.")
@click.option("--reason", metavar="TEXT", help="For the person: why they should be these.")
@click.option("--confidence", type=click.FloatRange(0, 1), help="For the person: how sure you are, from 0 to 1.")
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
    add: Sequence[str],
    remove: Sequence[str],
    move: Sequence[str],
    data: str | None,
    source: str | None,
    reason: str | None,
    confidence: float | None,
    no_stream: bool,
    interval_ms: int,
) -> None:
    """Run `action`."""
    values = assignments_of(
        assigned, texts, data, rows=RowOptions(add, remove, move), may_read_input=options.prompt != STANDARD_INPUT
    )
    values = values.told(source=source, reason=reason, confidence=confidence)
    reply = as_agent(options, partial(_write, values=values, stream=not no_stream, interval_ms=interval_ms))
    show(reply, rendering.action, as_json=options.as_json)
    sys.exit(rendering.exit_code(reply))


@click.command(
    "get-diff",
    help="List changes and their authors.\n\nWithout --since these are the last ones.",
    epilog=EXIT_CODES_IN_SHORT,
)
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
    """Run `get-diff`."""
    reply = as_agent(options, lambda agent: agent.get_diff(since or None, wait=wait))
    show(reply, partial(news.diff, waited=wait), as_json=options.as_json)


@click.command(
    help="Look up the options of a field that has them on request.\n\nQUERY: letters that an option has to have.",
    epilog=EXIT_CODES_IN_SHORT,
)
@click.argument("key")
@click.argument("query", default="")
@takes_session
def options(session: SessionOptions, *, key: str, query: str) -> None:
    """Run `options`."""
    show(as_agent(session, lambda agent: agent.options(key, query)), rendering.options, as_json=session.as_json)


@click.command(
    help="Give the session more time.\n\nThe server may grant less than asked for.", epilog=EXIT_CODES_IN_SHORT
)
@click.option(
    "--extra-seconds",
    default=1800,
    show_default=True,
    type=click.IntRange(min=1),
    help="How much longer it shall live.",
)
@takes_session
def extend(options: SessionOptions, *, extra_seconds: int) -> None:
    """Run `extend`."""
    show(as_agent(options, lambda agent: agent.extend(extra_seconds)), rendering.extended, as_json=options.as_json)


@click.command(
    help="Show each change as it happens.\n\n"
    "Runs until the session ends or Ctrl+C; the exit code is 0 for both. With --json each line is an object whose type "
    "is context (the present state, the first line), change, row, request (one has ended), problems, gap (some may "
    "have been missed; again with the context) or ended.",
    epilog=EXIT_CODES_IN_SHORT,
)
@click.option("--since", metavar="CURSOR", help="Begin after a cursor of an earlier reply.")
@takes_session
def watch(options: SessionOptions, *, since: str | None) -> None:
    """Run `watch`."""
    from . import watching  # noqa: PLC0415 (as above)

    watching.watch(options, since)


async def _write(agent: HandshakeAgent, *, values: Assignments, stream: bool, interval_ms: int) -> Members:
    context = await agent.get_context() if values.untyped else {}
    return await agent.action(values.actions(context), stream=stream, interval_ms=interval_ms)
