"""Stores that other workers share, beside the Flask reference, which keeps its sessions in memory.

Redis is started for the run: one server, on the load's core, that appends to a file as the package asks of one. SQLite
writes to a file of its own, and what an action has changed is handed to the system before it is answered: a killed
process loses nothing.

Whether two workers do more than one takes a core for each of them, for Redis, and for the load. Where there are not as
many, what can be seen is whether two workers spend more of the processor on a request than one does: requests per
second of processor time, which two workers on cores of their own would turn into twice as many a second.
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path

from benchmarks import contenders, machine
from benchmarks.clients.http import Request
from benchmarks.contenders import FLASK, OURS
from benchmarks.forms import Session
from benchmarks.results import Measured, Missing, Row, at_least
from benchmarks.run import Round, Run
from benchmarks.servers import HOST, Server, free_port

CORES_FOR_TWO = 4
HOW_TO_GET_REDIS = "redis-server is not installed: `apt-get install redis-server` or `brew install redis`"
ONE, TWO = "1 worker", "2 workers"


def redis(run: Run) -> list[Row]:
    """Read and write forms in Redis, by one worker beside the Flask reference, and by two beside one."""
    with ExitStack() as stack:
        server = run.start(stack, _redis(stack))
        url = f"redis://{HOST}:{server.port}/0" if isinstance(server, Server) else ""
        flask = run.start(stack, contenders.flask(run.peers))
        ours = run.start(stack, contenders.ours(url)) if url else server
        readings = run.alternate({OURS: _reading(run, ours), FLASK: _reading(run, flask)})
        writings = run.alternate({OURS: _writing(run, ours), FLASK: _writing(run, flask)})
        rows = [
            _beside_flask("RedisStore, GET /context", readings, 2),
            _beside_flask("RedisStore, POST /action", writings, 1.5),
        ]
        spread = len(machine.CORES) >= CORES_FOR_TWO
        cores = [machine.SERVER_CORE, *machine.CORES[2:3]] if spread else [machine.SERVER_CORE]
        two = run.start(stack, contenders.ours(url, workers=2, cores=cores)) if url else server
        found = run.alternate({ONE: _writing(run, ours), TWO: _writing(run, two)})
    return [*rows, _two_workers(found, spread=spread)]


def sqlite(run: Run) -> list[Row]:
    """Write forms to SQLite, beside the Flask reference."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        ours = stack.enter_context(contenders.ours(f"sqlite:///{folder}/handshake.db"))
        flask = run.start(stack, contenders.flask(run.peers))
        found = run.alternate({OURS: _writing(run, ours), FLASK: _writing(run, flask)})
    return [_beside_flask("SQLiteStore, POST /action", found, 1.5)]


def _redis(stack: ExitStack) -> Server | Missing:
    path = shutil.which("redis-server")
    if path is None:
        return Missing(HOW_TO_GET_REDIS)
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    port = free_port()
    keeping = ["--appendonly", "yes", "--save", "", "--dir", folder]
    command = [path, "--bind", HOST, "--port", str(port), *keeping]
    return Server("redis-server", command, port, cores=[machine.LOAD_CORE], folder=Path(folder))


def _reading(run: Run, server: Server | Missing) -> Round | Missing:
    return run.requests(server, [Session.opened(server).context] if isinstance(server, Server) else [])


def _writing(run: Run, server: Server | Missing) -> Round | Missing:
    requests: list[Request] = []
    if isinstance(server, Server):
        # Many forms, as many agents fill them in: on one, two workers would wait for each other.
        turns = zip(*(Session.opened(server).batches() for _ in range(16)), strict=True)
        requests = [batch for turn in turns for batch in turn]
    return run.requests(server, requests)


def _beside_flask(what: str, found: dict[str, Measured], bound: float) -> Row:
    return Row(what=what, unit="/s", ours=found[OURS], peer_name=FLASK, peer=found[FLASK], budget=at_least(bound))


def _two_workers(found: dict[str, Measured], *, spread: bool) -> Row:
    what = "RedisStore, POST /action, 2 workers"
    if spread:
        return Row(what=what, unit="/s", ours=found[TWO], peer_name=ONE, peer=found[ONE], budget=at_least(1.6))
    one, two = (sample if isinstance(sample, Missing) else sample.by_time() for sample in (found[ONE], found[TWO]))
    return Row(
        what=f"{what}, per second of processor time",
        unit="/s",
        ours=two,
        peer_name=ONE,
        peer=one,
        budget=at_least(0.8),
        note=f"1.6 times one worker's requests takes {CORES_FOR_TWO} cores to see and there are {len(machine.CORES)}; "
        "0.8 per worker is the same of what can be seen here",
    )
