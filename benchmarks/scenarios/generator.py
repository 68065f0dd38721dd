"""How much of a server the load generator in Python can see, beside wrk.

Without wrk all of a run's figures come from it. A fast server's are then too low, by at most what this row shows.
"""

from __future__ import annotations

from contextlib import ExitStack

from benchmarks import contenders
from benchmarks.clients.http import Request
from benchmarks.clients.load import HOW_TO_GET_WRK, Generator, Load
from benchmarks.results import Missing, Reading, Row
from benchmarks.run import Round, Run

GENERATOR, WRK = "Python generator", "wrk"


def generator(run: Run) -> list[Row]:
    """Put load on a raw ASGI callable from Python and from wrk."""
    requests = [Request("GET", "/")]
    with ExitStack() as stack:
        server = stack.enter_context(contenders.raw())

        def asked_by(load: Load) -> Round:
            return lambda: Reading(load.run(server.port, requests, run.effort.seconds).rate)

        without = isinstance(run.load, Generator)
        wrk = Missing(HOW_TO_GET_WRK) if without else asked_by(run.load)
        found = run.alternate({GENERATOR: asked_by(Generator()), WRK: wrk})
    return [
        Row(what="load from Python, raw ASGI", unit="/s", ours=found[GENERATOR], peer_name=WRK, peer=found[WRK]),
    ]
