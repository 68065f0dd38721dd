"""Requests a second: ours beside the framework, the reference and a tool call of MCP, and the server's own limit.

Everybody is asked the same over sixteen kept connections. Bare Starlette and the raw callable return the very bytes of
our reply to `GET`; to `POST` they say that all is well, Starlette after parsing the body. Neither looks at a
credential.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack

from benchmarks import contenders
from benchmarks.clients.http import Request, post
from benchmarks.contenders import BARE, FLASK, MCP, OURS, RAW
from benchmarks.forms import TURNS, Session, ask, creation, values
from benchmarks.results import Measured, Row, at_least
from benchmarks.run import Run
from benchmarks.servers import Server

MCP_CLASSIC = "2025-11-25"
MCP_MODERN = "2026-07-28"


def context(run: Run) -> list[Row]:
    """Read a form of ten filled fields."""
    with ExitStack() as stack:
        ours = stack.enter_context(contenders.ours())
        session = Session.opened(ours)
        reply = ask(ours, session.batches()[0], session.context)
        bare, raw = stack.enter_context(contenders.bare(reply)), stack.enter_context(contenders.raw(reply))
        flask = run.start(stack, contenders.flask(run.peers))
        theirs = [Session.opened(flask).context] if isinstance(flask, Server) else []
        found = run.alternate(
            {
                OURS: run.requests(ours, [session.context]),
                BARE: run.requests(bare, [session.context]),
                RAW: run.requests(raw, [session.context]),
                FLASK: run.requests(flask, theirs),
            }
        )
    return _rows("GET /context, 10 fields", found, {BARE: 1.0, FLASK: 4.5})


def action(run: Run) -> list[Row]:
    """Write ten fields at once, other values each time."""
    with ExitStack() as stack:
        ours, bare, raw = (stack.enter_context(make()) for make in (contenders.ours, contenders.bare, contenders.raw))
        session = Session.opened(ours)
        flask = run.start(stack, contenders.flask(run.peers))
        theirs = Session.opened(flask).batches() if isinstance(flask, Server) else []
        tool = run.start(stack, contenders.mcp(run.peers))
        classic, modern = f"{MCP} ({MCP_CLASSIC})", f"{MCP} ({MCP_MODERN})"
        found = run.alternate(
            {
                OURS: run.requests(ours, session.batches()),
                BARE: run.requests(bare, session.batches()),
                RAW: run.requests(raw, session.batches()),
                FLASK: run.requests(flask, theirs),
                classic: run.requests(tool, _tool_calls(MCP_CLASSIC)),
                modern: run.requests(tool, _tool_calls(MCP_MODERN)),
            }
        )
    return _rows("POST /action, 10 fields", found, {BARE: 0.85, FLASK: 5, classic: 12, modern: 12})


def session(run: Run) -> list[Row]:
    """Open sessions."""
    with ExitStack() as stack:
        ours, bare, raw = (stack.enter_context(make()) for make in (contenders.ours, contenders.bare, contenders.raw))
        flask = run.start(stack, contenders.flask(run.peers))
        servers = {OURS: ours, BARE: bare, RAW: raw, FLASK: flask}
        found = run.alternate({name: run.requests(server, [creation()]) for name, server in servers.items()})
    return _rows("POST /session, 10-field schema", found, {BARE: 0.6, FLASK: 3})


def _rows(what: str, found: Mapping[str, Measured], bounds: Mapping[str, float]) -> list[Row]:
    """Return a row for each peer, with the ratio it is to be led by."""
    return [
        Row(
            what=what,
            unit="/s",
            ours=found[OURS],
            peer_name=peer,
            peer=found[peer],
            limit_name=RAW,
            limit=found[RAW],
            budget=at_least(bound),
        )
        for peer, bound in bounds.items()
    ]


def _tool_calls(version: str) -> list[Request]:
    """Return calls of the tool as a client of one version of MCP sends them.

    The older version is what a client without a session may send to a stateless server; the newer one names what it
    calls in headers as well, and needs no more than that.
    """
    headers = {
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": version,
        "Mcp-Method": "tools/call",
        "Mcp-Name": "set_fields",
    }
    about = {
        "io.modelcontextprotocol/protocolVersion": version,
        "io.modelcontextprotocol/clientInfo": {"name": "benchmark", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    meta = {"_meta": about} if version == MCP_MODERN else {}
    return [
        post(
            "/mcp",
            {
                "jsonrpc": "2.0",
                "id": turn,
                "method": "tools/call",
                "params": {"name": "set_fields", "arguments": values(turn), **meta},
            },
            headers,
        )
        for turn in range(TURNS)
    ]
