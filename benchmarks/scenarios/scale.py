"""Whether reading a form is slower beside 100 000 live sessions than beside a hundred.

Two servers of ours that differ in the number of their sessions alone. Both are asked for a hundred forms in turn, in
the one case spread evenly over all there are.
"""

from __future__ import annotations

from contextlib import ExitStack

from benchmarks import contenders
from benchmarks.forms import opened
from benchmarks.results import Missing, Row, at_least, grouped
from benchmarks.run import Round, Run

ASKED_FOR = 100


def scale(run: Run) -> list[Row]:
    """Ask for forms, with 100 000 live sessions beside a hundred."""
    many = run.effort.size(100_000, 500)
    with ExitStack() as stack:

        def reading(count: int) -> Round | Missing:
            server = stack.enter_context(contenders.ours())
            run.progress(f"opening {count} sessions")
            sessions = opened(server, count)
            return run.requests(server, [session.context for session in sessions[:: count // ASKED_FOR]])

        found = run.alternate({_name(count): reading(count) for count in (many, ASKED_FOR)})
    return [
        Row(
            what=f"GET /context with {_name(many)}",
            unit="/s",
            ours=found[_name(many)],
            peer_name=_name(ASKED_FOR),
            peer=found[_name(ASKED_FOR)],
            budget=at_least(0.95),
        )
    ]


def _name(count: int) -> str:
    return f"{grouped(count)} sessions"
