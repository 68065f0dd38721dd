"""The one place of the commands that talks to a server. Importing it takes the time that the HTTP client takes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Any, NoReturn, TypeVar

import click

from handshake_prompt.client import (
    AgentError,
    Change,
    CredentialRefusedError,
    Gap,
    HandshakeAgent,
    InsecureAddressError,
    PromptError,
    RateLimitedError,
    ServerUnavailableError,
    SessionEndedError,
)

from . import rendering
from .exit_codes import Exit, fail, problem
from .session_options import SessionOptions
from .terminal import Terminal, said, write, write_json

T = TypeVar("T")

EXITS: dict[type[AgentError], Exit] = {
    SessionEndedError: Exit.ENDED,
    CredentialRefusedError: Exit.CREDENTIAL,
    RateLimitedError: Exit.UNAVAILABLE,
    ServerUnavailableError: Exit.UNAVAILABLE,
    InsecureAddressError: Exit.USAGE,
    AgentError: Exit.OTHER,
}
"""An error of the client -> how the command ends; the nearest class counts."""

ALLOW_HTTP = "Use the server's https:// address, or --allow-http where nobody can listen in."


def ask(options: SessionOptions, work: Callable[[HandshakeAgent], Awaitable[T]]) -> T:
    """Do one thing as the agent of a session.

    Args:
        options: which session, and how to report a failure.
        work: what to do.

    Returns:
        What the work returned.

    Raises:
        click.UsageError: the session's parts cannot be used.
        SystemExit: it failed; this has been said.
    """

    async def run(agent: HandshakeAgent) -> T:
        async with agent:
            return await work(agent)

    try:
        return asyncio.run(run(_agent(options)))
    except AgentError as error:
        _fail(options, error)


def watch(options: SessionOptions, since: str | None) -> None:
    """Write each change of a session in a line, until the session ends or the person interrupts.

    Args:
        options: which session, and whether to write JSON.
        since: the cursor to begin after; the present without it.

    Raises:
        click.UsageError, SystemExit: as `ask`, but not for a session that ends while it is watched.
    """
    report = _Report(as_json=options.as_json)

    async def follow(agent: HandshakeAgent) -> None:
        context = await agent.get_context()
        report.begin(context)
        try:
            async for event in agent.changes(since or context.get("cursor")):
                report.event(event)
        except SessionEndedError as error:
            report.end(error)

    try:
        ask(options, follow)
    except KeyboardInterrupt:
        click.echo("Stopped.", err=True)


class _Report:
    """What `watch` writes."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._terminal = Terminal.of_stdout()

    def begin(self, context: Mapping[str, Any]) -> None:
        if self._as_json:
            write_json({"type": "context", "context": context}, indent=None)
        else:
            write([*rendering.context(context, self._terminal), "Watching; Ctrl+C stops."])

    def event(self, event: Change | Gap) -> None:
        if self._as_json:
            write_json({"type": "gap" if isinstance(event, Gap) else "change", **asdict(event)}, indent=None)
        elif isinstance(event, Gap):
            note = self._terminal.paint("Changes may have been missed. This is how things stand:", "wanting")
            write([note, *rendering.context(event.context, self._terminal)])
        else:
            write([rendering.change(event, self._terminal)])

    def end(self, error: SessionEndedError) -> None:
        if self._as_json:
            write_json({"type": "ended", "code": error.code, "detail": error.detail}, indent=None)
        else:
            write([self._terminal.paint(f"The session has ended ({said(error.code)}).", "head")])


def _agent(options: SessionOptions) -> HandshakeAgent:
    session = options.credentials()
    try:
        return HandshakeAgent(
            session.session_id,
            session.token,
            session.base_url,
            prefix=session.prefix,
            name=options.name,
            allow_http=options.allow_http,
            timeout=options.timeout,
        )
    except (PromptError, ValueError) as error:
        raise click.UsageError(str(error)) from None


def _fail(options: SessionOptions, error: AgentError) -> NoReturn:
    exit_code = next(EXITS[kind] for kind in type(error).__mro__ if kind in EXITS)
    next_step = ALLOW_HTTP if isinstance(error, InsecureAddressError) else error.next_steps[0]
    reported = _problem(error) if options.as_json else None
    fail(error.detail, next_step=next_step, exit_code=exit_code, reported=reported)


def _problem(error: AgentError) -> dict[str, Any]:
    known = {"status": error.status, "retryAfter": error.retry_after}
    return {
        **problem(error.detail, code=error.code),
        "retryable": error.retryable,
        **{name: value for name, value in known.items() if value is not None},
        "nextSteps": list(error.next_steps),
    }
