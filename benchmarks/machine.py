"""The machine: which core is whose, and what a reader has to know of it to judge the figures."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

LIBRARIES = ("starlette", "uvicorn", "uvloop", "httptools", "websockets", "msgspec", "redis")
MOST_FILES = 65_536
CAN_PIN = hasattr(os, "sched_setaffinity")
CAN_ACCOUNT = Path("/proc/self/stat").exists()
"""Whether memory and processor time of other processes can be read."""


def cores() -> list[int]:
    """Return the cores this process may use; without a way to choose among them, numbers that stand for them."""
    return sorted(os.sched_getaffinity(0)) if CAN_PIN else list(range(os.cpu_count() or 1))


CORES = cores()
SERVER_CORE = CORES[0]
LOAD_CORE = CORES[min(1, len(CORES) - 1)]


@contextmanager
def pinned(chosen: Sequence[int]) -> Iterator[None]:
    """Keep this process, and what it starts meanwhile, on the chosen cores, where the system can do that."""
    if not CAN_PIN:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, chosen)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Theft:
    """How much of the cores' time went to other machines on the same hardware, since it was last asked."""

    def __init__(self) -> None:
        self._before = _stolen_and_total()

    def share(self) -> float:
        """Return the share, 0 where the system does not say."""
        before, self._before = self._before, _stolen_and_total()
        stolen, total = (now - then for now, then in zip(self._before, before, strict=True))
        return stolen / total if total else 0.0


def open_files() -> int:
    """Allow as many open files as the system grants, and return how many: a connection takes one on either side."""
    if sys.platform == "win32":
        return 512
    import resource  # noqa: PLC0415 - does not exist on Windows

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    granted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (granted, hard))
    return granted


def describe() -> dict[str, str]:
    """Return the machine, the interpreter and the libraries, as name and text."""
    load = "the same core: figures are too low" if LOAD_CORE == SERVER_CORE else f"core {LOAD_CORE}"
    pinning = f"server on core {SERVER_CORE}, load on {load}" if CAN_PIN else "not possible on this system"
    return {
        "processor": f"{_processor()}, {len(CORES)} cores",
        "pinning": pinning,
        "system": platform.platform(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "libraries": ", ".join(f"{name} {_version(name)}" for name in LIBRARIES),
    }


def _stolen_and_total() -> tuple[int, int]:
    """Return the time stolen and all time, in ticks since the machine was started. See proc(5)."""
    if not CAN_ACCOUNT:
        return 0, 0
    ticks = [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return ticks[7], sum(ticks)


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, "") or platform.processor() or platform.machine()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"
