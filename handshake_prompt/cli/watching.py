"""`watch`: the changes of a session as lines or as JSON lines, until it ends or the person interrupts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import click

from handshake_prompt.client import (
    Change,
    Gap,
    HandshakeAgent,
    ProblemsChanged,
    RequestEnded,
    RowChange,
    SessionEndedError,
)

from . import news, rendering
from .runner import run_as_agent
from .session_options import SessionOptions
from .terminal import Terminal, write, write_json


def watch(options: SessionOptions, since: str | None) -> None:
    """Write each change of a session in a line.

    Args:
        options: name the session, and the form of the lines.
        since: the cursor to begin after; the present without it.

    Raises:
        click.UsageError, SystemExit: as `run_as_agent`, but not for a session that ends while it is watched.
    """
    report = _Report(as_json=options.as_json)

    async def follow(agent: HandshakeAgent) -> None:
        context = await agent.get_context()
        report.begin(context)
        try:
            async for update in agent.changes(since or context.get("cursor")):
                if isinstance(update, ProblemsChanged):
                    report.problems(await agent.get_context())
                else:
                    report.update(update)
        except SessionEndedError as error:
            report.end(error)

    try:
        run_as_agent(options, follow)
    except KeyboardInterrupt:
        click.echo("Stopped.", err=True)


_TYPES = {Change: "change", RowChange: "row", RequestEnded: "request", Gap: "gap"}
"""Update -> the `type` of its line of JSON."""


class _Report:
    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._terminal = Terminal.of_stdout()

    def begin(self, context: Mapping[str, Any]) -> None:
        if self._as_json:
            write_json({"type": "context", "context": context}, indent=None)
        else:
            write([*rendering.context(context, self._terminal), "Watching; Ctrl+C stops."])

    def update(self, update: Change | RowChange | RequestEnded | Gap) -> None:
        if self._as_json:
            write_json({"type": _TYPES[type(update)], **asdict(update)}, indent=None)
        elif isinstance(update, Gap):
            note = self._terminal.paint("Changes may have been missed. This is the present state:", "wanting")
            write([note, *rendering.context(update.context, self._terminal)])
        elif isinstance(update, RowChange):
            write([news.row_change(update, self._terminal)])
        elif isinstance(update, RequestEnded):
            write([news.request_ended(update, self._terminal)])
        else:
            write([news.change(update, self._terminal)])

    def problems(self, context: Mapping[str, Any]) -> None:
        unknown = {"problemsUnknown": True} if context.get("problemsUnknown") is True else {}
        found = {"problems": context.get("problems", []), **unknown}
        if self._as_json:
            write_json({"type": "problems", **found}, indent=None)
        else:
            write(list(news.problems(found, self._terminal)) or ["The form has no problems now."])

    def end(self, error: SessionEndedError) -> None:
        if self._as_json:
            write_json({"type": "ended", "code": error.code, "detail": error.detail}, indent=None)
        else:
            write([self._terminal.paint(f"{error.detail}.", "head")])
