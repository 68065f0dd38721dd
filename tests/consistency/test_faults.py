"""What fails while several workers are at work: nothing that was acknowledged is lost, and what was told stays true."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, closing
from dataclasses import replace
from pathlib import Path

from tests.support.history import WRITES, Members, Operation, Outcome
from tests.support.load import Load, put_under_load
from tests.support.peer import PATIENCE, Peer, open_session
from tests.support.proxy import proxying
from tests.support.redis_servers import RedisServer, eventually, redis_cluster, redis_server
from tests.support.workers import Worker, patient, several, working

SQLITE: dict[str, float] = {"busy_timeout": 0.5, "failing_busy_timeout": 0.1}
REDIS: dict[str, float] = {
    "call_timeout": 0.8,
    "connect_timeout": 0.6,
    "breaker_pause": 0.3,
    "recovery_quiet": 0.3,
    "poll_interval": 1.0,
}
"""Timings of the stores in these tests: short, and long enough for a busy machine."""
ANSWERED_WITHIN = max(SQLITE["busy_timeout"], REDIS["call_timeout"]) + 0.5 + 1.0
"""Seconds in which a request is answered, whatever the store does; the last of them is what the other processes of a
busy machine may be late by, beside this one."""
WOKEN_WITHIN = REDIS["poll_interval"] + 1.0 + 2.0
"""Seconds in which a watcher is shown what it was not notified of; the last of them are what a busy machine may add."""
SHORT = 2.5
"""Seconds under load where the fault takes no time of its own."""


def assert_worked(load: Load) -> None:
    """Fail if so little happened that finding nothing says nothing."""
    for kind in ("act", "edit", "release", "context", "diff"):
        assert load.count(kind) > 0, kind


def cut_off(load: Load) -> int:
    """Return how many writes have an outcome that nobody was told."""
    return sum(load.count(kind, Outcome.UNKNOWN) for kind in WRITES)


def between(load: Load, first: float, last: float) -> list[Operation]:
    """Return what was both asked and answered between two moments."""
    return [one for one in load.operations() if first <= one.start and one.start + one.waited < last]


async def all_of(work: Callable[[Worker], object], workers: Sequence[Worker]) -> None:
    """Do something with workers at the same time, each of which may take a while."""
    await asyncio.gather(*(asyncio.to_thread(work, worker) for worker in workers))


def kill_amid_requests(worker: Worker) -> None:
    """Kill a worker while it has requests in hand: what it is at when it stops, and what comes until it is dead.

    From beside the event loop, which would do it when it has nothing else to do: in a pause.
    """
    time.sleep(0.05)
    worker.freeze()
    time.sleep(0.15)
    worker.kill()


async def start(workers: Sequence[Worker]) -> None:
    for worker in workers:
        worker.start()
    await all_of(Worker.wait, workers)


# Workers


async def test_a_worker_that_is_killed_amid_writes_takes_nothing_with_it(store: str) -> None:
    with working(*several(store, 3, timings=patient(store))) as workers:

        async def kill_and_restart(load: Load) -> None:
            for worker in (*workers, *workers):
                await asyncio.sleep(0.7)
                load.pinned = worker.url
                await asyncio.to_thread(kill_amid_requests, worker)
                load.pinned = None
                await asyncio.sleep(0.3)
                await start([worker])
                if cut_off(load) > 2:
                    break

        load = await put_under_load(workers, SHORT, kill_and_restart, restless=0, hasty=0)
    assert load.violations == []
    assert_worked(load)
    assert cut_off(load) > 0, "it was killed in a pause"


async def test_sessions_and_watchers_outlive_a_restart_of_all_workers(store: str) -> None:
    with working(*several(store, 3)) as workers:

        async def restart(_: Load) -> None:
            await asyncio.sleep(1)
            await all_of(Worker.kill, workers)
            await start(workers)
            await asyncio.sleep(1)
            await all_of(Worker.terminate, workers)
            await start(workers)
            await asyncio.sleep(1)

        load = await put_under_load(workers, SHORT, restart, unavailable=True, restless=0)
    assert load.violations == []
    assert_worked(load)
    codes = [connection.code for watcher in load.watchers for connection in watcher.connections]
    assert 4503 in codes, "nobody was told that the workers were about to stop"
    resumed, shown_anew = load.resumed(), load.resumed(recovered=False)
    assert resumed + shown_anew >= 2 * len(load.watchers) - 1, "a watcher may have been away at the time"
    assert resumed > shown_anew


async def test_workers_whose_clocks_are_off_by_an_hour_shorten_and_lengthen_nothing(store: str) -> None:
    timings = patient(store)
    ahead, behind = (Worker(store, timings=timings, clock_offset=offset) for offset in (3600.0, -3600.0))
    workers = [ahead, behind, *several(store, 1, timings=timings)]
    with working(*workers):
        load = await put_under_load(workers, SHORT / 2)
    assert load.violations == []
    assert_worked(load)


# SQLite


async def test_a_file_that_another_program_has_locked_can_be_read_and_is_written_again_when_it_is_free(
    tmp_path: Path,
) -> None:
    path = tmp_path / "sessions.db"
    with working(*several(f"sqlite:///{path}", 3, timings=SQLITE)) as workers:
        locked_at = freed_at = 0.0

        async def lock(_: Load) -> None:
            nonlocal locked_at, freed_at
            await asyncio.sleep(0.5)
            with closing(sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                locked_at = time.monotonic()
                await asyncio.sleep(1.5)
                freed_at = time.monotonic()
                other.execute("ROLLBACK")
            await asyncio.sleep(1)

        load = await put_under_load(workers, 0, lock, unavailable=True, hasty=0)
        logs = "".join(worker.log() for worker in workers)
    assert load.violations == []
    assert_worked(load)
    assert max(one.waited for one in load.operations()) <= ANSWERED_WITHIN + load.stalls.worst
    meanwhile = between(load, locked_at, freed_at)
    assert {one.status for one in meanwhile if one.kind == "act"} == {503}
    assert [one.reply for one in meanwhile if one.kind == "context" and one.status != 200] == [], logs
    assert "Traceback" not in logs


# Redis


async def test_a_redis_with_an_append_only_file_is_killed_and_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    with (
        redis_server(tmp_path, "--appendonly", "yes", "--appendfsync", "always") as redis,
        working(*several(redis.url, 3)) as workers,
    ):

        async def kill_and_restart(_: Load) -> None:
            for pause in (1, 1.5):
                await asyncio.sleep(pause)
                redis.kill()
                await asyncio.sleep(0.5)
                await asyncio.to_thread(redis.start)
            await asyncio.sleep(1)

        load = await put_under_load(workers, SHORT, kill_and_restart, unavailable=True)
        logs = "".join(worker.log() for worker in workers)
    assert load.violations == []
    assert_worked(load)
    assert unavailable(load) > 0
    assert "Traceback" not in logs


async def test_a_frozen_redis_is_told_of_at_once_and_back_when_it_is(tmp_path: Path) -> None:
    with redis_server(tmp_path) as redis, working(*several(redis.url, 3, timings=REDIS)) as workers:
        frozen_at = thawed_at = 0.0
        waits: list[float] = []

        async def freeze(_: Load) -> None:
            nonlocal frozen_at, thawed_at, waits
            peer = await open_session(workers[0].url, {})
            queue = asyncio.create_task(_crowd(peer))
            await asyncio.sleep(1)
            redis.pause()
            frozen_at = time.monotonic()
            await asyncio.sleep(3)
            thawed_at = time.monotonic()
            redis.resume()
            await asyncio.sleep(1.5)
            waits = await queue
            await peer.http.aclose()

        load = await put_under_load(workers[1:], 0, freeze, unavailable=True, hasty=0)
        logs = "".join(worker.log() for worker in workers)
    assert load.violations == []
    assert_worked(load)
    assert max(one.waited for one in load.operations()) <= ANSWERED_WITHIN + load.stalls.worst
    meanwhile = between(load, frozen_at, thawed_at)
    assert len(meanwhile) > 20
    assert {one.status for one in meanwhile if one.connection is None} == {503}
    assert max(waits) <= ANSWERED_WITHIN + load.stalls.worst, "requests that wait for one another"
    after = [one for one in load.operations("act") if one.start > thawed_at + 0.8]
    assert sum(one.outcome is Outcome.OK for one in after) > 3, "it does not recover by itself"
    assert "Traceback" not in logs


async def test_replicas_of_a_cluster_take_over_when_asked_and_when_a_node_dies(tmp_path: Path) -> None:
    with redis_cluster(tmp_path) as nodes, working(*several(cluster_url(nodes), 3)) as workers:

        async def fail_over(load: Load) -> None:
            await asyncio.sleep(0.5)
            number = owner_of(nodes, load.subjects[0].peer.session_id)
            master, replica = nodes[number], nodes[number + 3]
            await asyncio.to_thread(replica.ask, "CLUSTER", "FAILOVER")
            await takes_over(replica)
            await asyncio.sleep(1)
            async with load.hush():  # what a master acknowledges before its replica has it may be lost with it
                assert await asyncio.to_thread(replica.ask, "WAIT", 1, 2000) == 1
                replica.kill()
            await takes_over(master)
            await asyncio.sleep(2)

        load = await put_under_load(workers, SHORT, fail_over, unavailable=True)
        logs = "".join(worker.log() for worker in workers)
    assert load.violations == []
    assert_worked(load)
    assert unavailable(load) > 0
    assert "Traceback" not in logs


async def test_a_replica_that_lagged_when_it_took_over_begins_another_log(tmp_path: Path) -> None:
    """What was acknowledged may be lost then, and no number stands for two events."""
    homes = [tmp_path / "master", tmp_path / "replica"]
    for home in homes:
        home.mkdir()
    async with AsyncExitStack() as stack:
        master = stack.enter_context(redis_server(homes[0]))
        replica = stack.enter_context(redis_server(homes[1], "--replicaof", "127.0.0.1", str(master.port)))
        await asyncio.to_thread(eventually, lambda: "state=online" in master.ask("INFO", "replication"))
        proxy = await stack.enter_async_context(proxying(master.port))
        workers = stack.enter_context(working(*several(proxy.url, 2)))
        peer = await open_session(workers[0].url, {})
        stack.push_async_callback(peer.http.aclose)
        other = replace(peer, base_url=workers[1].url)
        async with peer.watch() as socket:
            await socket.next("connected")
            await other.edit("kept", 1)
            await asyncio.to_thread(eventually, lambda: _offset(replica) >= _offset(master))
            replica.ask("REPLICAOF", "NO", "ONE")
            await other.edit("lost", 2)
            shown = [await socket.next("edit") for _ in range(2)]
            proxy.target = replica.port
            proxy.cut()
            shown.append(await _insist(peer, "new", 3))
            code, _ = await socket.closed()
        async with other.watch(after=shown[1]["cursor"]) as socket:
            again = await socket.next("connected")
    assert code == 4508
    assert again["recovered"] is False
    assert {key: record["value"] for key, record in again["snapshot"]["context"].items()} == {"kept": 1, "new": 3}
    assert len({frame["cursor"] for frame in shown}) == 3


async def test_lost_notifications_delay_what_watchers_are_shown_and_nothing_else(redis: RedisServer) -> None:
    async with proxying(redis.port) as proxy:
        proxy.loses = lambda data: b"$7\r\nmessage" in data and b"subscribe" not in data
        with working(*several(f"{proxy.url}?prefix=lost", 3, timings=REDIS)) as workers:
            load = await put_under_load(workers, SHORT / 2, unavailable=True)  # for moments, on a machine that is busy
    assert load.violations == []
    assert_worked(load)
    assert load.rested_after <= WOKEN_WITHIN + load.stalls.worst


async def test_connections_that_break_stall_or_go_silent_cost_nothing_but_time(redis: RedisServer) -> None:
    async with proxying(redis.port) as proxy:
        with working(*several(f"{proxy.url}?prefix=cut", 3, timings=REDIS)) as workers:

            async def misbehave(_: Load) -> None:
                proxy.delay = 0.02
                for pause in (0.5, 0.6, 0.7):
                    await asyncio.sleep(pause)
                    proxy.cut()
                proxy.delay = 0.0
                proxy.half_open()
                await asyncio.sleep(1.5)

            load = await put_under_load(workers, SHORT, misbehave, unavailable=True)
            logs = "".join(worker.log() for worker in workers)
    assert load.violations == []
    assert_worked(load)
    assert unavailable(load) > 0
    assert max(one.waited for one in load.operations()) <= ANSWERED_WITHIN + load.stalls.worst
    assert "Traceback" not in logs


async def takes_over(node: RedisServer) -> None:
    await asyncio.to_thread(eventually, lambda: "role:master" in node.ask("INFO", "replication"))


async def _crowd(peer: Peer) -> list[float]:
    """Have eight agents write to one session at one worker for a few seconds; return how long each answer took."""
    waits = []
    until = time.monotonic() + 2

    async def write() -> None:
        while (asked := time.monotonic()) < until:
            await peer.agent("POST", "action", {"actions": [{"type": "set", "key": "a", "value": 1}]}, timeout=15)
            waits.append(time.monotonic() - asked)

    await asyncio.gather(*(write() for _ in range(8)))
    return waits


def _offset(server: RedisServer) -> int:
    """Return how much of the stream of writes a server has sent, or received."""
    told = str(server.ask("INFO", "replication"))
    name = "slave_repl_offset:" if "role:slave" in told else "master_repl_offset:"
    return int(told.partition(name)[2].partition("\r")[0])


async def _insist(peer: Peer, key: str, value: int) -> Members:
    """Write a field, however often it takes until the store can be reached again."""
    async with asyncio.timeout(PATIENCE):
        while (answer := await peer.user("POST", "notify", {"key": key, "value": value})).status_code == 503:
            await asyncio.sleep(0.05)
    members: Members = answer.json()
    return members


def unavailable(load: Load) -> int:
    """Return how often a client was told that the store cannot be reached."""
    return sum(operation.status == 503 for operation in load.operations())


def cluster_url(nodes: Sequence[RedisServer]) -> str:
    return "redis+cluster://" + ",".join(node.address for node in nodes[:3])


def owner_of(nodes: Sequence[RedisServer], session_id: str) -> int:
    """Return which of a Cluster's three masters has a session."""
    slot = int(nodes[0].ask("CLUSTER", "KEYSLOT", f"{{{session_id}}}"))
    return next(number for number in range(3) if slot < 16_384 * (number + 1) // 3)
