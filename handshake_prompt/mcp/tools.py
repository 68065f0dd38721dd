"""Tools of a session: their arguments and their work, for every transport."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any, NamedTuple, Protocol

import msgspec
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS, CallToolResult, Tool, ToolAnnotations
from msgspec import UNSET

from handshake_prompt.protocol.errors import InvalidRequestError
from handshake_prompt.texts.quoting import quote, visible

from . import results
from .descriptions import DESCRIPTIONS

LONGEST_WAIT = 25.0
"""Seconds of `wait_for_user` at most: hosts, and proxies on the way, give up after 30 and more."""
PAUSE = 2.0
"""Seconds between polls of a server that does not wait as asked: it drains, or is of version 0.2."""
NAME_CHARS = 64

CONNECT = "connect"
PERSON = ("user", "user_edit", "default")
"""`by` of the person's changes: written, written over the agent's, or given back to the agent."""


class Agent(Protocol):
    """A session as its agent sees it, such as `handshake_prompt.client.HandshakeAgent`."""

    async def get_context(self) -> dict[str, Any]: ...
    async def action(self, values: Sequence[Mapping[str, Any]], /) -> dict[str, Any]: ...
    async def get_diff(self, since: str | None, /, *, wait: float) -> dict[str, Any]: ...
    async def extend(self, extra_seconds: int, /) -> dict[str, Any]: ...


def _described(text: str, **bounds: Any) -> msgspec.Meta:
    return msgspec.Meta(description=text, **bounds)


class Arguments(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """Arguments of a tool. An unknown member is refused, so that no misspelt one is silently left out."""


class Connect(Arguments, frozen=True):
    """Arguments of `connect`."""

    prompt: Annotated[str, _described("The handshake prompt, whole, as the person pasted it.")]


class GetContext(Arguments, frozen=True):
    """Arguments of `get_context`: none."""


class SetFields(Arguments, frozen=True):
    """Arguments of `set_fields`."""

    fields: Annotated[dict[str, Any], _described('Values by key: {"name": "Ada", "age": 36}.', min_length=1)]
    if_rev: Annotated[
        dict[str, int], _described("By key, the `rev` you read: the field is written only if it is still that.")
    ] = {}

    def actions(self) -> list[dict[str, Any]]:
        """Return the batch.

        Raises:
            InvalidRequestError: a revision is given for a field that is not to be written.
        """
        if self.if_rev.keys() - self.fields.keys():
            raise InvalidRequestError("ifRev may name only keys that fields has too", code="invalid_arguments")
        revs = {key: {"ifRev": rev} for key, rev in self.if_rev.items()}
        return [{"type": "set", "key": key, "value": value, **revs.get(key, {})} for key, value in self.fields.items()]


class NewRow(Arguments, frozen=True):
    """A row to add."""

    list: Annotated[str, _described("The list's key.")]
    values: Annotated[dict[str, Any], _described("Values by the keys of the row's fields.")] = {}
    after: Annotated[str | msgspec.UnsetType | None, _described("The row in front of it, such as r3; null: first.")] = (
        UNSET
    )


class RowMove(Arguments, frozen=True):
    """A row to move."""

    row: Annotated[str, _described("The row's key.")]
    after: Annotated[str | msgspec.UnsetType | None, _described("As for add.")] = UNSET


class EditRows(Arguments, frozen=True):
    """Arguments of `edit_rows`."""

    add: list[NewRow] = []
    remove: Annotated[list[str], _described("Keys of rows.")] = []
    move: list[RowMove] = []

    def actions(self) -> list[dict[str, Any]]:
        """Return the batch: removals first, so that what is added may take their place.

        Raises:
            InvalidRequestError: there is nothing to do.
        """
        actions = [
            *({"type": "remove", "key": key} for key in self.remove),
            *({"type": "move", "key": one.row, **_place(one.after)} for one in self.move),
            *(
                {"type": "add", "key": one.list, **({"value": one.values} if one.values else {}), **_place(one.after)}
                for one in self.add
            ),
        ]
        if not actions:
            raise InvalidRequestError("Give a row to add, to remove or to move", code="invalid_arguments")
        return actions


def _place(after: str | msgspec.UnsetType | None) -> dict[str, Any]:
    return {} if after is UNSET else {"after": after}


class GetChanges(Arguments, frozen=True):
    """Arguments of `get_changes`."""

    since: Annotated[str | None, _described("A `cursor`. Without it the latest 50 changes are listed.")] = None


class WaitForUser(Arguments, frozen=True):
    """Arguments of `wait_for_user`."""

    since: Annotated[str, _described("The `cursor` of your last get_context, get_changes or wait_for_user reply.")]
    seconds: Annotated[float, _described("How long to wait at most.", ge=0, le=LONGEST_WAIT)] = LONGEST_WAIT


class Extend(Arguments, frozen=True):
    """Arguments of `extend`."""

    seconds: Annotated[int, _described("How much more time to ask for.", ge=1, le=86_400)] = 1800


class Kind(NamedTuple):
    """A tool of a session."""

    takes: type[Arguments]
    run: Callable[[Agent, Any], Awaitable[CallToolResult]]
    writes: bool = False
    repeatable: bool = True
    """Whether a second call with the same arguments changes nothing more. `set_fields` is not: the person may have
    changed or released a field between the two calls, and the second is a write of its own."""


def listed(*, with_connect: bool) -> list[Tool]:
    """Return the tools as clients list them.

    Args:
        with_connect: there is no session until `connect` is called.
    """
    connect = [_tool(CONNECT, Connect)] if with_connect else []
    of_sessions = [
        _tool(name, kind.takes, writes=kind.writes, repeatable=kind.repeatable) for name, kind in KINDS.items()
    ]
    return connect + of_sessions


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


async def _edit_rows(agent: Agent, asked: EditRows) -> CallToolResult:
    return results.written(await agent.action(asked.actions()))


async def _get_changes(agent: Agent, asked: GetChanges) -> CallToolResult:
    reply = await agent.get_diff(asked.since, wait=0)
    return results.changes(_placed(reply, reply["changes"]), reply["changes"])


async def _wait_for_user(agent: Agent, asked: WaitForUser) -> CallToolResult:
    now, since = asyncio.get_running_loop().time, asked.since
    ends_at = now() + asked.seconds
    while True:
        reply = await agent.get_diff(since, wait=max(0.0, ends_at - now()))
        reply = _placed(reply, reply["changes"], default=since)
        persons = [change for change in reply["changes"] if change["by"] in PERSON]
        if persons or "rows" in reply or reply.get("truncated"):
            return results.changes(reply, persons)
        if (left := ends_at - now()) <= 0:
            return results.changes(reply, [], timed_out=True)
        since = reply["cursor"]
        if not (reply["changes"] or reply.get("timedOut")):
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
    "set_fields": Kind(SetFields, _set_fields, writes=True, repeatable=False),
    "edit_rows": Kind(EditRows, _edit_rows, writes=True, repeatable=False),
    "get_changes": Kind(GetChanges, _get_changes),
    "wait_for_user": Kind(WaitForUser, _wait_for_user),
    "extend": Kind(Extend, _extend, writes=True, repeatable=False),
}
"""The tools of a session, in the order in which somebody needs them."""
