"""Several workers at once on the same sessions: what everybody was told has to be true together."""

from __future__ import annotations

from tests.support.history import Outcome
from tests.support.load import Load, put_under_load
from tests.support.workers import patient, several, working

WORKERS = 4
SECONDS = 2.0


def worth_checking(load: Load, *, acts: int) -> dict[str, bool]:
    """Tell of which kinds so much happened that finding nothing says something."""
    results = [result for act in load.operations("act") for result in act.reply.get("results", ())]
    return {
        "act": load.count("act") >= acts,
        **{kind: load.count(kind) >= acts // 10 for kind in ("edit", "release", "context", "diff")},
        "extend": load.count("extend") >= acts // 50,
        "agents that pose as the person": load.count("edit", Outcome.REFUSED) >= acts // 50,
        "refusals": {result.get("code") for result in results} >= {None, "user_locked", "stale"},
    }


def worth_checking_across_workers(load: Load) -> dict[str, bool]:
    return worth_checking(load, acts=200) | {
        "requests answered at their second attempt": load.repeated() >= 3,
        "watchers that resumed": load.resumed() >= 5,
        "watchers given a snapshot in place of what they missed": load.resumed(recovered=False) >= 1,
    }


def authors(load: Load) -> set[str]:
    return {change["by"] for log in load.logs for change in log if "by" in change}


async def test_four_workers_on_one_store_agree(store: str) -> None:
    with working(*several(store, WORKERS, timings=patient(store))) as workers:
        load = await put_under_load(
            workers, SECONDS, restless=1.0, enough=lambda load: all(worth_checking_across_workers(load).values())
        )
        logs = [worker.log() for worker in workers]
    assert load.violations == []
    assert authors(load) == {"ai", "user", "user_edit", "default"}
    assert "Traceback" not in "".join(logs)


async def test_one_worker_with_sessions_in_its_memory_agrees_with_itself() -> None:
    with working(*several("memory://", 1)) as workers:
        load = await put_under_load(
            workers, SECONDS / 2, enough=lambda load: all(worth_checking(load, acts=50).values())
        )
    assert load.violations == []
    assert authors(load) == {"ai", "user", "user_edit", "default"}
