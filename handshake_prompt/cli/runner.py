"""Runner of an agent's command: one agent in one event loop, errors turned into exit codes and reports.

Importing it takes the time that the HTTP client takes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, NoReturn, TypeVar

import click

from handshake_prompt.client import (
    AgentError,
    CredentialRefusedError,
    HandshakeAgent,
    InsecureAddressError,
    LocalSetupError,
    PromptError,
    RateLimitedError,
    ServerUnavailableError,
    SessionEndedError,
)
from handshake_prompt.texts.quoting import quote

from .exit_codes import Exit, fail, problem
from .session_options import SessionOptions

T = TypeVar("T")

EXITS: dict[type[AgentError], Exit] = {
    SessionEndedError: Exit.ENDED,
    CredentialRefusedError: Exit.CREDENTIAL,
    RateLimitedError: Exit.UNAVAILABLE,
    ServerUnavailableError: Exit.UNAVAILABLE,
    InsecureAddressError: Exit.USAGE,
    LocalSetupError: Exit.USAGE,
    AgentError: Exit.OTHER,
}
"""An error of the client -> the exit code; the nearest class counts."""

ALLOW_HTTP = "Use the server's https:// address, or --allow-http where nobody can listen in."


def run_as_agent(options: SessionOptions, work: Callable[[HandshakeAgent], Awaitable[T]]) -> T:
    """Do one piece of work as the agent of a session.

    Args:
        options: name the session, and the form of the report of a failure.
        work: gets the agent.

    Returns:
        The result of the work.

    Raises:
        click.UsageError: the session's parts cannot be used.
        SystemExit: it failed; this has been reported.
    """

    async def run() -> T:
        async with _agent(options) as agent:
            return await work(agent)

    return run_client(options, run)


def run_client(options: SessionOptions, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Do one piece of work with a server, in an event loop of its own.

    Args:
        options: the form of the report of a failure.
        work: returns the coroutine that does it.

    Raises:
        click.UsageError: an option cannot be used.
        SystemExit: it failed; this has been reported.
    """
    try:
        return asyncio.run(work())
    except AgentError as error:
        _fail(options, error)


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
    detail, next_step = error.detail, error.next_steps[0]
    if error.from_server:
        detail = f"The server refused ({error.code}) and says: {quote(detail)}"
        next_step = next_step if next_step == error.hint else f"The server advises: {quote(next_step)}"
    if isinstance(error, InsecureAddressError):
        next_step = ALLOW_HTTP
    exit_code = next(EXITS[kind] for kind in type(error).__mro__ if kind in EXITS)
    fail(detail, next_step=next_step, exit_code=exit_code, reported=_report(error) if options.as_json else None)


def _report(error: AgentError) -> dict[str, Any]:
    known = {"status": error.status, "retryAfter": error.retry_after}
    return {
        **problem(error.detail, code=error.code),
        "retryable": error.retryable,
        **{name: value for name, value in known.items() if value is not None},
        "nextSteps": list(error.next_steps),
    }
