"""Tools of a session and their work, for every transport."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS, CallToolResult, Tool, ToolAnnotations

from handshake_prompt.protocol.errors import InvalidRequestError
from handshake_prompt.texts.quoting import quote, visible
from handshake_prompt.texts.request_words import OPEN

from . import results
from .arguments import (
    Arguments,
    AskPerson,
    Connect,
    EditRows,
    Extend,
    FindOptions,
    GetChanges,
    GetContext,
    SetFields,
    SuggestFields,
    WaitForUser,
)
from .descriptions import CONNECT_BY_HANDLE, DESCRIPTIONS

PAUSE = 2.0
"""Seconds between polls of a server that does not wait as asked: it drains, or is of version 0.2."""
NAME_CHARS = 64

CONNECT = "connect"
HANDLE = "session"
"""The argument that names the session, where one server is for all of them."""
PERSON = ("user", "user_edit", "default")
"""`by` of the person's changes: written, written over the agent's, or given back to the agent."""


class Agent(Protocol):
    """A session as its agent sees it, such as `handshake_prompt.client.HandshakeAgent`."""

    async def get_context(self) -> dict[str, Any]: ...
    async def action(self, values: Sequence[Mapping[str, Any]], /) -> dict[str, Any]: ...
    async def get_diff(self, since: str | None, /, *, wait: float) -> dict[str, Any]: ...
    async def extend(self, extra_seconds: int, /) -> dict[str, Any]: ...
    async def options(self, key: str, query: str, /) -> dict[str, Any]: ...
    async def open_question(
        self,
        text: str,
        *,
        fields: Sequence[Mapping[str, Any]] | None,
        key: str | None,
        expires_in: float | None,
    ) -> dict[str, Any]: ...


class Kind(NamedTuple):
    """A tool of a session."""

    takes: type[Arguments]
    run: Callable[[Agent, Any], Awaitable[CallToolResult]]
    writes: bool = False
    repeatable: bool = True
    """Whether a second call with the same arguments changes nothing more. `set_fields` is not: the person may have
    changed or released a field between the two calls, and the second is a write of its own."""


class Toolbox(Protocol):
    """The tools of a server.

    `first` is the one to begin with.
    """

    @property
    def first(self) -> str: ...
    def listed(self) -> list[Tool]: ...
    async def perform(self, name: str, arguments: Mapping[str, Any] | None, /) -> CallToolResult: ...


class SessionTools:
    """The tools of one session."""

    first = "get_context"

    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    def listed(self) -> list[Tool]:
        """Return the tools as clients list them."""
        return listed(with_connect=False)

    async def perform(self, name: str, arguments: Mapping[str, Any] | None) -> CallToolResult:
        """Call a tool; see `perform`."""
        return await perform(self._agent, name, arguments)


def listed(*, with_connect: bool, by_handle: bool = False) -> list[Tool]:
    """Return the tools as clients list them.

    Args:
        with_connect: there is no session until `connect` is called.
        by_handle: each call names its session by the handle that `connect` has answered.
    """
    about = CONNECT_BY_HANDLE if by_handle else DESCRIPTIONS[CONNECT]
    connect = [_tool(CONNECT, Connect).model_copy(update={"description": about})] if with_connect else []
    of_sessions = [
        _tool(name, kind.takes, writes=kind.writes, repeatable=kind.repeatable) for name, kind in KINDS.items()
    ]
    return connect + ([*map(_with_handle, of_sessions)] if by_handle else of_sessions)


def _with_handle(tool: Tool) -> Tool:
    schema = tool.input_schema
    properties = {HANDLE: {"type": "string", "description": "As connect answered it."}, **schema.get("properties", {})}
    changed = {**schema, "properties": properties, "required": [HANDLE, *schema.get("required", [])]}
    return tool.model_copy(update={"input_schema": changed})


async def perform(agent: Agent, name: str, arguments: Mapping[str, Any] | None) -> CallToolResult:
    """Call a tool on a session.

    Raises:
        MCPError: there is no such tool.
        InvalidRequestError: the arguments do not fit its input schema.
        HandshakeError, AgentError: the whole call was refused, or failed.
    """
    kind = KINDS.get(name)
    if kind is None:
        raise unknown(name, KINDS)
    return await kind.run(agent, parsed(kind.takes, name, arguments))


def parsed(takes: type[Arguments], name: str, arguments: Mapping[str, Any] | None) -> Any:
    """Return a tool's arguments.

    Raises:
        InvalidRequestError: they do not fit its input schema; the message says how.
    """
    try:
        return msgspec.convert(arguments or {}, takes)
    except (msgspec.ValidationError, UnicodeError) as error:
        why = visible(str(error)) if isinstance(error, msgspec.ValidationError) else "a name is no valid Unicode"
        raise InvalidRequestError(
            f"The arguments of {name} are not what it takes: {why}",
            code="invalid_arguments",
            next_steps=["Correct them by the tool's input schema and call it again."],
        ) from None


def unknown(name: str, known: Iterable[str]) -> MCPError:
    """Return the error for a tool that is not there."""
    return MCPError(INVALID_PARAMS, f"There is no tool {quote(name[:NAME_CHARS])}. There are: {', '.join(known)}.")


def shown_name(name: str) -> str:
    """Return a client's name for itself as the page may show it."""
    return "".join(char for char in name if char.isprintable()).strip()[:NAME_CHARS]


async def page(reply: dict[str, Any]) -> CallToolResult:
    """Return the state of the page, and a place to wait from."""
    return await results.context(_placed(reply, (reply.get("context") or {}).values()))


def _placed(
    reply: dict[str, Any], records: Iterable[Mapping[str, Any]], *, default: str | None = None
) -> dict[str, Any]:
    """Return a reply with a cursor: version 0.2 has none, and takes the latest time it has named in its place."""
    times = [record["at"] for record in records if isinstance(record.get("at"), str)]
    cursor = reply.get("cursor") or max(times, default=default)
    return reply | {"cursor": cursor} if cursor else reply


async def _get_context(agent: Agent, _: GetContext) -> CallToolResult:
    return await page(await agent.get_context())


async def _set_fields(agent: Agent, asked: SetFields) -> CallToolResult:
    return results.written(await agent.action(asked.actions()))


async def _find_options(agent: Agent, asked: FindOptions) -> CallToolResult:
    return results.options(await agent.options(asked.key, asked.query))


async def _suggest_fields(agent: Agent, asked: SuggestFields) -> CallToolResult:
    return results.written(await agent.action([one.action() for one in asked.suggestions]))


async def _edit_rows(agent: Agent, asked: EditRows) -> CallToolResult:
    return results.written(await agent.action(asked.actions()))


async def _get_changes(agent: Agent, asked: GetChanges) -> CallToolResult:
    reply = await agent.get_diff(asked.since, wait=0)
    return results.changes(_placed(reply, reply["changes"]), reply["changes"])


async def _wait_for_user(agent: Agent, asked: WaitForUser) -> CallToolResult:
    def is_over(reply: Mapping[str, Any]) -> bool:
        by_person = any(change["by"] in PERSON for change in reply["changes"])
        rows = "rows" in reply and "user" in reply.get("rowsBy", ["user"])
        return by_person or rows or "problems" in reply or any(map(_has_ended, reply.get("requests") or ()))

    reply, is_late = await _wait(agent, asked.since, asked.seconds, is_over)
    persons = [change for change in reply["changes"] if change["by"] in PERSON]
    return results.changes(reply, persons, timed_out=is_late)


async def _ask_person(agent: Agent, asked: AskPerson) -> CallToolResult:
    def ended(reply: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        return [one for one in reply.get("requests") or () if one["id"] == opened["id"] and _has_ended(one)]

    opened = await agent.open_question(asked.text, fields=asked.fields, key=asked.key, expires_in=asked.expires_in)
    reply, _ = await _wait(agent, opened["cursor"], asked.seconds, lambda reply: bool(ended(reply)))
    return results.asked(opened, next(iter(ended(reply)), None))


def _has_ended(request: Mapping[str, Any]) -> bool:
    return request.get("status") != OPEN


async def _wait(
    agent: Agent, since: str, seconds: float, is_over: Callable[[Mapping[str, Any]], bool]
) -> tuple[Mapping[str, Any], bool]:
    """Wait for a diff that is over, or lists not all; return the last one, and whether the time ran out."""
    now = asyncio.get_running_loop().time
    ends_at = now() + seconds
    while True:
        reply = await agent.get_diff(since, wait=max(0.0, ends_at - now()))
        reply = _placed(reply, reply["changes"], default=since)
        if is_over(reply) or reply.get("truncated"):
            return reply, False
        if (left := ends_at - now()) <= 0:
            return reply, True
        since = reply["cursor"]
        if not (reply["changes"] or reply.get("requests") or reply.get("timedOut")):
            await asyncio.sleep(min(PAUSE, left))


async def _extend(agent: Agent, asked: Extend) -> CallToolResult:
    return results.extended(await agent.extend(asked.seconds))


def _tool(name: str, takes: type[Arguments], *, writes: bool = False, repeatable: bool = True) -> Tool:
    hints = ToolAnnotations(
        read_only_hint=not writes, destructive_hint=False, idempotent_hint=repeatable, open_world_hint=True
    )
    return Tool(name=name, description=DESCRIPTIONS[name], input_schema=_schema(takes), annotations=hints)


def _schema(takes: type[Arguments]) -> dict[str, Any]:
    """Return the input schema of a tool, without references, which some clients do not follow."""
    _, shapes = msgspec.json.schema_components([takes], ref_template="{name}")
    for shape in shapes.values():
        for member in ("title", "description"):  # the class's; under `python -OO` it has no docstring
            shape.pop(member, None)
    schema: dict[str, Any] = _inlined(shapes[takes.__name__], shapes)
    return schema


def _inlined(schema: Any, shapes: Mapping[str, Any]) -> Any:
    if isinstance(schema, list):
        return [_inlined(part, shapes) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(shapes[schema["$ref"]], shapes)
    return {name: _inlined(part, shapes) for name, part in schema.items()}


KINDS = {
    "get_context": Kind(GetContext, _get_context),
    "find_options": Kind(FindOptions, _find_options),
    "set_fields": Kind(SetFields, _set_fields, writes=True, repeatable=False),
    "edit_rows": Kind(EditRows, _edit_rows, writes=True, repeatable=False),
    "ask_person": Kind(AskPerson, _ask_person, writes=True, repeatable=False),
    "suggest_fields": Kind(SuggestFields, _suggest_fields, writes=True, repeatable=False),
    "get_changes": Kind(GetChanges, _get_changes),
    "wait_for_user": Kind(WaitForUser, _wait_for_user),
    "extend": Kind(Extend, _extend, writes=True, repeatable=False),
}
"""The tools of a session, in the order in which somebody needs them."""
