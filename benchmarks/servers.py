"""A server process on a core of its own: started, waited for, looked at, and stopped for certain."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from . import machine

HOST = "127.0.0.1"
LOG_TAIL = 2000
KIB = 1024
NO_PROC = "memory and processor time of a server are read from /proc, which this system does not have"


class ServerError(RuntimeError):
    """A server did not come up, or went away."""


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        port: int = listener.getsockname()[1]
        return port


class Server:
    """A process that listens on `port`, and the workers it has started.

    Args:
        name: what a message calls it.
        command: what to run.
        port: where it will listen.
        cores: where it is to run; the core for servers if not given.
        environ: variables beside those of this process.
        folder: its working directory.
        patience: seconds it may take to answer.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        port: int,
        *,
        cores: Sequence[int] = (machine.SERVER_CORE,),
        environ: Mapping[str, str] | None = None,
        folder: Path | None = None,
        patience: float = 30.0,
    ) -> None:
        self.name = name
        self.port = port
        self._command = list(command)
        self._cores = cores
        self._environ = environ or {}
        self._folder = folder
        self._patience = patience

    def __enter__(self) -> Self:
        self._log = tempfile.TemporaryFile()
        with machine.pinned(self._cores):
            # In a session of its own the process and its workers are stopped as one, and an interrupt of ours does
            # not stop them behind our back.
            self._process = subprocess.Popen(  # noqa: S603
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                env={**os.environ, **self._environ},
                cwd=self._folder,
                start_new_session=True,
            )
        try:
            self._wait()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        told = f"{self.name} went away:\n{self._tail()}" if self._process.poll() is not None else ""
        self._stop()
        if told and error is None:
            raise ServerError(told)
        if told and error is not None:
            error.add_note(told)

    @property
    def cpu_seconds(self) -> float | None:
        """Processor time spent so far by all its processes, None where the system does not say."""
        if not machine.CAN_ACCOUNT:
            return None
        ticks = 0
        for pid in self._pids():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    @property
    def memory(self) -> float:
        """KiB of memory that all its processes keep in use.

        Raises:
            ServerError: the system does not say.
        """
        if not machine.CAN_ACCOUNT:
            raise ServerError(NO_PROC)
        pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in self._pids())
        return pages * os.sysconf("SC_PAGE_SIZE") / KIB

    def _pids(self) -> list[int]:
        found = [self._process.pid]
        for pid in found:
            with suppress(OSError):
                found += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
        return found

    def _wait(self) -> None:
        until = time.monotonic() + self._patience
        while time.monotonic() < until:
            if self._process.poll() is not None:
                raise ServerError(f"{self.name} ended at once:\n{self._tail()}")
            with suppress(OSError):
                socket.create_connection((HOST, self.port), timeout=1).close()
                return
            time.sleep(0.02)
        raise ServerError(f"{self.name} did not answer within {self._patience:.0f} s:\n{self._tail()}")

    def _tail(self) -> str:
        self._log.seek(0)
        return self._log.read()[-LOG_TAIL:].decode(errors="replace").strip()

    def _stop(self) -> None:
        # Nothing here is worth a graceful end, which open connections would draw out.
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._log.close()
