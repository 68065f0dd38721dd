"""The name that a client of MCP gives itself, and the message in which it says so first."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from handshake_prompt.texts.names import claimed_name


class ClientInfo(NamedTuple):
    """A client as one of its messages introduces it; `is_first` if the message is the first of a connection."""

    name: str
    is_first: bool


class _Client(msgspec.Struct):
    name: str = ""
    title: str | None = None


class _Meta(msgspec.Struct):
    client: _Client | None = msgspec.field(default=None, name="io.modelcontextprotocol/clientInfo")


class _Params(msgspec.Struct):
    client: _Client | None = msgspec.field(default=None, name="clientInfo")
    meta: _Meta | None = msgspec.field(default=None, name="_meta")


class _Message(msgspec.Struct):
    method: str = ""
    params: _Params = msgspec.field(default_factory=_Params)


def client_info(raw: bytes) -> ClientInfo:
    """Return the client of a message; one without a name if it is malformed, which the SDK tells its sender."""
    try:
        message = msgspec.json.decode(raw, type=_Message)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ClientInfo("", is_first=False)
    client = message.params.client or (message.params.meta and message.params.meta.client)
    name = claimed_name(client.title or client.name) if client else ""
    return ClientInfo(name, is_first=message.method in ("initialize", "server/discover"))
