"""What an idle watcher and an idle session keep in the server's memory, by how much its resident set grows.

Memory that was given back once is not taken from the system again, so each round has servers of its own, which have
served some first.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from benchmarks import contenders, machine
from benchmarks.clients.loop import new_runner
from benchmarks.clients.websocket import Place, open_watchers
from benchmarks.contenders import BARE_SOCKETS, OURS
from benchmarks.forms import creation, opened, values
from benchmarks.results import Budget, Missing, Reading, Row, at_most, grouped
from benchmarks.run import Round, Run
from benchmarks.servers import NO_PROC, Server

SESSION_KIB = 8


def watcher(run: Run) -> list[Row]:
    """Memory of one idle watcher beside that of a bare Starlette WebSocket."""
    count = run.effort.size(1000, 100)
    first = count // 10
    here: dict[str, Round | Missing] = {
        OURS: lambda: _connected(contenders.ours(), first, count, _session_places),
        BARE_SOCKETS: lambda: _connected(contenders.bare_sockets(), first, count, _bare_places),
    }
    found = run.alternate(here if machine.CAN_ACCOUNT else dict.fromkeys(here, Missing(NO_PROC)))
    return [
        Row(
            what=f"memory of one idle watcher, of {grouped(count)}",
            unit="KiB",
            ours=found[OURS],
            peer_name="bare Starlette WebSocket",
            peer=found[BARE_SOCKETS],
            budget=at_most(1.25),
        )
    ]


def session(run: Run) -> list[Row]:
    """Memory of one idle session with ten values."""
    count = run.effort.size(10_000, 500)
    measure: Round | Missing = (lambda: _held(count)) if machine.CAN_ACCOUNT else Missing(NO_PROC)
    found = run.alternate({OURS: measure})
    return [
        Row(
            what=f"memory of one idle session, 10 fields filled in, of {grouped(count)}",
            unit="KiB",
            ours=found[OURS],
            budget=Budget("≤", SESSION_KIB, of="ours"),
        )
    ]


def _connected(server: Server, first: int, count: int, places: Callable[[Server, int], list[Place]]) -> Reading:
    """Return KiB of each of `count` connections, after `first` that are not counted."""
    with ExitStack() as stack:
        runner = stack.enter_context(new_runner())
        stack.enter_context(server)
        everywhere = places(server, first + count)
        before = 0.0
        for some in (everywhere[:first], everywhere[first:]):
            before = server.memory
            for connection in runner.run(open_watchers(server.port, some, [_ignore] * len(some))):
                stack.callback(connection.close)
        return Reading((server.memory - before) / count)


def _held(count: int) -> Reading:
    """Return KiB of each of `count` sessions, after some that are not counted."""
    filled = creation(context=values(0))
    with contenders.ours() as server:
        opened(server, count // 10, filled)
        before = server.memory
        opened(server, count, filled)
        return Reading((server.memory - before) / count)


def _session_places(server: Server, count: int) -> list[Place]:
    return [session.place for session in opened(server, count)]


def _bare_places(_: Server, count: int) -> list[Place]:
    return [Place("/watch")] * count


def _ignore(_: bytes) -> None:
    """Take a frame nobody waits for."""
