"""How long a fresh interpreter takes to import the package, beside the part of Starlette that it is built on.

The time of an interpreter that imports nothing is taken off all. The package's root imports its names when they are
first asked for, so the import of `HandshakeApp`, which is what a server does, is shown as well; it has no budget.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from benchmarks import contenders, machine
from benchmarks.results import Budget, Row, Sample, at_most
from benchmarks.run import Run

IMPORTS = 3
"""Turns in a round: each takes a fraction of the time of other scenarios' rounds."""
NOTHING = "pass"
PACKAGE = "import handshake_prompt"
APP = "from handshake_prompt import HandshakeApp"
STARLETTE = "import starlette.applications, starlette.routing"
PATIENCE = 30
MILLISECONDS = 1000.0


def imports(run: Run) -> list[Row]:
    """Import of the package beside that of starlette.applications and starlette.routing."""
    took: dict[str, list[float]] = {NOTHING: [], PACKAGE: [], STARLETTE: [], APP: []}
    for statement in took:
        _took(statement)  # compiles what has to be compiled, once
    for number in range(IMPORTS * run.effort.rounds):
        run.progress(f"round {number + 1} of {IMPORTS * run.effort.rounds}")
        for statement, times in took.items():
            times.append(_took(statement))
    start = statistics.median(took[NOTHING])
    net = {statement: Sample(tuple(value - start for value in times)) for statement, times in took.items()}

    def row(statement: str, budget: Budget | None) -> Row:
        return Row(
            what=statement, unit="ms", ours=net[statement], peer_name="Starlette", peer=net[STARLETTE], budget=budget
        )

    return [row(PACKAGE, at_most(1.3)), row(APP, None)]


def _took(statement: str) -> float:
    """Return the milliseconds of an interpreter that runs a statement."""
    began = time.perf_counter()
    with machine.pinned((machine.SERVER_CORE,)):
        subprocess.run([sys.executable, "-c", statement], check=True, env=contenders.our_environ(), timeout=PATIENCE)  # noqa: S603
    return (time.perf_counter() - began) * MILLISECONDS
