"""The agent's commands that turn to the person: `ask` and `suggest`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from . import news, rendering
from .assignments import Assignments, assignments_of
from .exit_codes import EXIT_CODES_IN_SHORT, Exit
from .replies import Members, as_agent, show
from .session_options import SessionOptions, takes_session

if TYPE_CHECKING:
    from handshake_prompt.client import HandshakeAgent

SHELL_PATIENCE = 100.0
"""Seconds: agents' shells give a command up after two minutes, and nobody would read the answer."""
EXITS = {"answered": Exit.DONE, "declined": Exit.DECLINED}
"""The status of a question -> the exit code; any other is no answer."""


@click.command(
    help="Ask the person on the page, and wait for the answer.\n\n"
    "Without --fields or --key it is a question of yes or no. For a secret, name its sensitive field with --key: the "
    "answer goes there, and you learn that it is filled. Time that runs out is no answer, least of all a yes.",
    epilog=EXIT_CODES_IN_SHORT,
)
@click.argument("text")
@click.option("--fields", metavar="JSON", help="What to answer in: a list of entries as in a schema, at most ten.")
@click.option("--key", help="A field of the form to answer in.")
@click.option("--expires-in", type=click.FloatRange(min=1), metavar="SECONDS", help="How long the person has.")
@click.option(
    "--wait",
    default=SHELL_PATIENCE,
    show_default=True,
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="How long to wait here. The question stays open: get-diff brings the answer.",
)
@takes_session
def ask(
    options: SessionOptions,
    *,
    text: str,
    fields: str | None,
    key: str | None,
    expires_in: float | None,
    wait: float,
) -> None:
    """Run `ask`."""
    question = {"text": text, "fields": _entries(fields), "key": key, "expires_in": expires_in}
    reply = as_agent(options, partial(_ask, question=question, wait=wait))
    show(reply, news.answer, as_json=options.as_json)
    sys.exit(EXITS.get(str(reply.get("status")), Exit.UNANSWERED))


@click.command(
    help="Suggest values, also for fields the person has written.\n\n"
    "They accept or dismiss each on the page; get-diff tells.",
    epilog=EXIT_CODES_IN_SHORT,
)
@click.option("--set", "assigned", multiple=True, metavar="KEY=VALUE", help="A value, as for action; repeatable.")
@click.option("--set-text", "texts", multiple=True, metavar="KEY=TEXT", help="A value that is text in any case.")
@click.option("--reason", metavar="TEXT", help="For the person: why they should be these.")
@click.option("--source", metavar="TEXT", help="For the person: where they come from.")
@click.option("--confidence", type=click.FloatRange(0, 1), help="For the person: how sure you are, from 0 to 1.")
@takes_session
def suggest(
    options: SessionOptions, *, assigned: Sequence[str], texts: Sequence[str], **about: str | float | None
) -> None:
    """Run `suggest`."""
    values = assignments_of(assigned, texts, None).told("suggest", **about)
    reply = as_agent(options, partial(_suggest, values=values))
    show(reply, rendering.action, as_json=options.as_json)
    sys.exit(rendering.exit_code(reply))


async def _ask(agent: HandshakeAgent, *, question: Mapping[str, Any], wait: float) -> Members:
    import asyncio  # noqa: PLC0415 (takes time to load)

    opened = await agent.open_question(**question)
    try:
        async with asyncio.timeout(wait):
            answer = await agent.answer(opened)
    except TimeoutError:
        return opened
    given = {"answer": {"values": dict(answer.values), "filled": answer.filled}} if answer.accepted else {}
    return {"id": answer.id, "status": answer.status, **given}


async def _suggest(agent: HandshakeAgent, *, values: Assignments) -> Members:
    context = await agent.get_context() if values.untyped else {}
    return await agent.action(values.actions(context))


def _entries(text: str | None) -> list[Any] | None:
    if text is None:
        return None
    from handshake_prompt.forms.typed_text import json_or_text  # noqa: PLC0415 (takes time to load)

    entries = json_or_text(text)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise click.UsageError('--fields must be a JSON list of entries, such as [{"key": "size", "type": "integer"}].')
    return entries
