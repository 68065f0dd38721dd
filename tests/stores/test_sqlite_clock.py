"""The clock of the SQLite store: one for all workers, which no wall clock moves and no restart sets back."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from handshake_prompt.stores import Record
from handshake_prompt.stores.sqlite import SQLiteStore
from handshake_prompt.stores.sqlite.shared_clock import MachineClocks
from handshake_prompt.testing.contract.steps import kept, load, logged

HOUR, DAY = 3600.0, 86_400.0


@dataclass
class Times:
    """A machine's clocks, as a test sets them."""

    wall: float = 1_000_000.0
    uptime: float = 500.0
    boot: str = "first"

    def machine(self, *, off: float = 0.0) -> MachineClocks:
        """Return what a worker sees of them whose wall clock is off."""
        return MachineClocks(wall=lambda: self.wall + off, uptime=lambda: self.uptime, boot_id=lambda: self.boot)

    def go_on(self, seconds: float) -> None:
        self.wall += seconds
        self.uptime += seconds

    def reboot(self, *, wall: float, boot: str = "second") -> None:
        self.wall, self.uptime, self.boot = wall, 5.0, boot


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions.db"


async def left(store: SQLiteStore) -> float:
    """Return how long the session has to live."""
    return (await load(store)).record.expires_at - store.now()


async def test_time_is_about_that_of_the_wall_and_goes_on_with_the_machine(path: Path) -> None:
    times = Times()
    store = SQLiteStore(path, machine=times.machine())
    assert store.now() == times.wall
    times.wall -= DAY
    times.uptime += 10
    assert store.now() == 1_000_010.0


async def test_the_real_machines_time_is_that_of_all_its_processes(path: Path) -> None:
    stores = [SQLiteStore(path) for _ in range(2)]
    assert stores[0].now() == pytest.approx(time.time(), abs=5)
    assert stores[0].now() == pytest.approx(stores[1].now(), abs=1)
    assert MachineClocks().boot_id() == MachineClocks().boot_id()


@pytest.mark.parametrize("off", [-DAY, -HOUR, HOUR, DAY])
async def test_i12_a_worker_whose_wall_clock_is_off_has_the_time_of_the_others(path: Path, off: float) -> None:
    times = Times()
    stores = [SQLiteStore(path, machine=times.machine(off=error)) for error in (0.0, off)]
    times.go_on(100)
    assert stores[0].now() == stores[1].now()


@pytest.mark.parametrize("off", [-DAY, -HOUR, HOUR, DAY])
async def test_i12_the_first_worker_may_be_the_one_that_is_off(path: Path, off: float) -> None:
    times = Times()
    stores = [SQLiteStore(path, machine=times.machine(off=error)) for error in (off, 0.0)]
    for store in stores:
        await store.ready()
    await kept(stores[0], lives=100)
    times.go_on(40)
    assert [await left(store) for store in stores] == [60, 60]
    for store in stores:
        await store.aclose()


@pytest.mark.parametrize("moved", [-DAY, 0.0, DAY])
async def test_i12_a_restart_of_the_workers_shortens_and_lengthens_nothing(path: Path, moved: float) -> None:
    times = Times()
    store = SQLiteStore(path, machine=times.machine())
    await store.ready()
    await kept(store, lives=100)
    await store.aclose()
    times.go_on(40)
    times.wall += moved
    store = SQLiteStore(path, machine=times.machine())
    await store.ready()
    assert await left(store) == 60
    await store.aclose()


BOOTS = pytest.mark.parametrize("boot", ["second", ""], ids=["the system names its boots", "it does not"])


@BOOTS
async def test_i12_a_wall_clock_that_a_reboot_set_back_lengthens_no_life(path: Path, boot: str) -> None:
    times = Times(boot=boot and "first")
    store = SQLiteStore(path, machine=times.machine())
    await store.ready()
    await kept(store, lives=100)
    times.go_on(40)
    await store.aclose()
    times.reboot(wall=times.wall - DAY, boot=boot)
    store = SQLiteStore(path, machine=times.machine())
    await store.ready()
    assert await left(store) == 60
    await store.aclose()


@BOOTS
async def test_i12_the_time_a_machine_was_off_counts(path: Path, boot: str) -> None:
    times = Times(boot=boot and "first")
    store = SQLiteStore(path, machine=times.machine())
    await store.ready()
    await kept(store, lives=100)
    await store.aclose()
    times.reboot(wall=times.wall + 70, boot=boot)
    store = SQLiteStore(path, machine=times.machine())
    await store.ready()
    assert await left(store) == 30
    await store.aclose()


async def test_i12_what_was_saved_last_tells_the_time_where_nobody_could_note_it(path: Path) -> None:
    times = Times()
    killed = SQLiteStore(path, machine=times.machine())
    await killed.ready()
    await kept(killed, lives=100)
    times.go_on(40)
    await logged(killed, 1)
    times.reboot(wall=times.wall - DAY)
    store = SQLiteStore(path, machine=times.machine())
    await store.ready()
    assert await left(store) == 60
    await store.aclose()
    await killed.aclose()


async def test_i12_a_sweep_notes_the_time_where_nothing_is_saved(path: Path) -> None:
    times = Times()
    killed = SQLiteStore(path, machine=times.machine())
    await killed.ready()
    await kept(killed, lives=100)
    times.go_on(40)
    await killed.sweep()
    times.reboot(wall=times.wall - DAY)
    store = SQLiteStore(path, machine=times.machine())
    assert store.now() >= 1_000_040.0
    await killed.aclose()


async def test_a_session_cannot_outlive_its_deadline_by_going_on_at_another_worker(path: Path) -> None:
    times = Times()
    stores = [SQLiteStore(path, machine=times.machine(off=error)) for error in (0.0, -HOUR)]
    for store in stores:
        await store.ready()
    record = await kept(stores[0], lives=100, deadline=150)
    copy = Record(record.session, record.version, record.expires_at, record.purge_at)
    assert copy.renew(stores[1].now())
    assert copy.expires_at == record.session.created_at + 150
    for store in stores:
        await store.aclose()
