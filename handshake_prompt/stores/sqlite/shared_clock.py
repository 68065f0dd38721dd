"""Clock that all workers of a machine share, monotonic across restarts.

Records expire by times in the file, so all workers have to agree on the time, and wall clocks may be wrong or be set.
Within a boot the machine's uptime counts the seconds. The first worker after the boot fixes its offset, and keeps it in
the file.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


def _boot_id() -> str:
    with suppress(OSError):  # only Linux has this file
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    return ""


def _machine_uptime() -> float:
    """Return the machine's uptime, the same in all processes; with its sleep, where the system counts that."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


@dataclass(frozen=True, slots=True)
class MachineClocks:
    """Clocks of the machine."""

    wall: Callable[[], float] = time.time
    uptime: Callable[[], float] = _machine_uptime
    boot_id: Callable[[], str] = _boot_id
    """A name for the time since the machine was started; "" if the system has none."""


class SharedClock:
    """Seconds that only go forward, close to the wall clock, the same for all workers."""

    def __init__(self, machine: MachineClocks) -> None:
        self._machine = machine
        self._offset = 0.0
        """From the machine's uptime."""

    def now(self) -> float:
        """Return the time."""
        return self._machine.uptime() + self._offset

    def agree_offset(self, connection: sqlite3.Connection) -> None:
        """Take over the offset of this boot, or fix it for all later workers.

        Time never goes back behind `latest`, the high-water mark in the file, so a wall clock that was set back between
        two boots does not lengthen any life. Without a boot id, a new boot is recognised by its shorter uptime.
        """
        uptime, boot = self._machine.uptime(), self._machine.boot_id()
        known_boot, offset, latest = connection.execute("SELECT boot, ahead, latest FROM world").fetchone()
        if known_boot != boot or uptime + offset < latest:
            offset = max(self._machine.wall(), latest) - uptime
            connection.execute("UPDATE world SET boot = ?, ahead = ?", (boot, offset))
        self._offset = offset
