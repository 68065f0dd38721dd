"""Several workers at once on the same sessions: what everybody was told has to be true together."""

from __future__ import annotations

from tests.support.history import Outcome
from tests.support.load import Load, put_under_load
from tests.support.workers import several, working

WORKERS = 4
SECONDS = 20.0


def assert_worth_checking(load: Load, *, acts: int) -> None:
    """Fail if so little happened that finding nothing says nothing."""
    assert load.count("act") >= acts
    for kind in ("edit", "release", "context", "diff"):
        assert load.count(kind) >= acts // 10, kind
    assert load.count("extend") >= acts // 50
    assert load.count("edit", Outcome.REFUSED) >= acts // 50, "nobody tried to pass for the person"
    results = [result for act in load.operations("act") for result in act.reply.get("results", ())]
    codes = {result.get("code") for result in results}
    assert codes == {None, "user_locked", "stale"}
    assert {change["by"] for log in load.logs for change in log if "by" in change} == {
        "ai",
        "user",
        "user_edit",
        "default",
    }


async def test_four_workers_on_one_store_agree(store: str) -> None:
    with working(*several(store, WORKERS)) as workers:
        load = await put_under_load(workers, SECONDS, least=200)
        logs = [worker.log() for worker in workers]
    assert load.violations == []
    assert_worth_checking(load, acts=200)
    assert load.repeated() >= 3, "no request was ever answered at its second attempt"
    assert load.resumed() >= 5
    assert load.resumed(recovered=False) >= 1, "nobody was ever given a snapshot in place of what it missed"
    assert "Traceback" not in "".join(logs)


async def test_one_worker_with_sessions_in_its_memory_agrees_with_itself() -> None:
    with working(*several("memory://", 1)) as workers:
        load = await put_under_load(workers, 3.0, least=50)
    assert load.violations == []
    assert_worth_checking(load, acts=50)
