"""One clock for all workers on a machine, which goes on where it was after a restart.

Records expire by times in the file, so all who use it have to agree on the time, whatever their wall clocks say: one
may be off by an hour, and any may be set. Within a boot the machine itself counts the seconds; what they are counted
from is agreed on by the first worker after the boot and kept in the file.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


def _boot() -> str:
    with suppress(OSError):  # other systems have no such file
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    return ""


def _uptime() -> float:
    """Return seconds that go on while the machine sleeps, where the system counts them, the same in all processes."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


@dataclass(frozen=True, slots=True)
class Machine:
    """What the machine says of the time."""

    wall: Callable[[], float] = time.time
    uptime: Callable[[], float] = _uptime
    boot: Callable[[], str] = _boot
    """A name for the time since the machine was started; "" if the system has none."""


class SharedClock:
    """The time that all workers agree on: seconds that only go forward, about those of the wall clock."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._ahead = 0.0
        """Of the machine's uptime."""

    def now(self) -> float:
        """Return the time."""
        return self._machine.uptime() + self._ahead

    def agree(self, connection: sqlite3.Connection) -> None:
        """Take over what was agreed on in this boot, or agree on the time for all who come after.

        Time never goes back behind the `latest` that is in the file, so a wall clock that was set back between two
        boots does not lengthen any life. Without a name for the boot, one is told from another by its shorter uptime.
        """
        uptime, boot = self._machine.uptime(), self._machine.boot()
        known_boot, ahead, latest = connection.execute("SELECT boot, ahead, latest FROM world").fetchone()
        if known_boot != boot or uptime + ahead < latest:
            ahead = max(self._machine.wall(), latest) - uptime
            connection.execute("UPDATE world SET boot = ?, ahead = ?", (boot, ahead))
        self._ahead = ahead
