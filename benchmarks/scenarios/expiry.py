"""The longest time the sweep of 100 000 expired sessions keeps the event loop from everything else.

Processor time is what counts: on a machine that does other things as well, a loop that has nothing to do is kept
waiting for milliseconds too. What the wall's clock said is noted.
"""

from __future__ import annotations

import json
import subprocess
import sys

from benchmarks import contenders, machine
from benchmarks.contenders import OURS
from benchmarks.results import Budget, Reading, Row, grouped
from benchmarks.run import Run

SWEPT_MS = 5
PATIENCE = 300


def expiry(run: Run) -> list[Row]:
    """Longest hold of the event loop by the expiry sweep of 100 000 sessions."""
    count = run.effort.size(100_000, 1000)
    walls: list[float] = []

    def sweep() -> Reading:
        command = [sys.executable, "expiry.py", str(count)]
        with machine.pinned((machine.SERVER_CORE,)):
            done = subprocess.run(  # noqa: S603
                command,
                check=True,
                stdout=subprocess.PIPE,
                text=True,
                timeout=PATIENCE,
                cwd=contenders.APPS,
                env=contenders.our_environ(),
            )
        told = json.loads(done.stdout)
        assert not told["left"], f"{told['left']} sessions were never swept"
        walls.append(told["wall"])
        return Reading(told["cpu"])

    found = run.alternate({OURS: sweep})
    return [
        Row(
            what=f"expiry sweep of {grouped(count)} sessions, longest hold of the loop",
            unit="ms",
            ours=found[OURS],
            budget=Budget("≤", SWEPT_MS, of="ours"),
            note=f"of processor time; on the wall {max(walls):.1f} ms at most",
        )
    ]
