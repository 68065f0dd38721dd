"""Real worker processes over one store, to be killed, stopped, frozen and started again.

They are forked from one process that has the package loaded (multiprocessing's fork server): to load it takes longer
than all else that a worker does at its start, and tests start some hundred.
"""

from __future__ import annotations

import http.client
import multiprocessing
import os
import signal
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from tests.support import worker
from tests.support.peer import PATIENCE
from tests.support.serving import free_port

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload([worker.__name__, "handshake_prompt.stores.redis", "handshake_prompt.stores.sqlite"])

ROOMY: dict[str, float] = {
    "agent_requests": 10**6,
    "user_requests": 10**6,
    "creates_per_address": 10**4,
    "frames_per_second": 10**6,
    "frames_burst": 10**6,
    "watchers_per_session": 64,
    "max_lifetime": 10**7,
    "log_events": 10**5,
    "log_bytes": 10**9,
    "replay_events": 40,
    "drain_spread": 0.5,
}
"""Rates that no test meets by chance, logs that stay whole, since the checker needs all of them, and stops that do not
take long."""

START = 60.0
"""Seconds a worker gets to answer; four start at the same time on as little as two processors."""
STOP = 15.0
"""Seconds a worker gets to end when asked to: longer than the 10 s it promises."""


class Worker:
    """One worker process, on the same port whenever it is started.

    Args:
        store: the URL of the store.
        limits: by name, in place of those in `ROOMY`.
        timings: of the store, by name.
        clock_offset: seconds by which its wall clock is off.
        ttl: seconds a session lives after its last use.
    """

    def __init__(
        self,
        store: str,
        *,
        limits: dict[str, float] | None = None,
        timings: dict[str, float] | None = None,
        clock_offset: float = 0.0,
        ttl: float = 1800,
    ) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._options: dict[str, Any] = {
            "store": store,
            "port": self.port,
            "ttl": ttl,
            "limits": ROOMY | (limits or {}),
            "timings": timings or {},
        }
        self._clock_offset = clock_offset
        descriptor, log = tempfile.mkstemp(prefix="worker", suffix=".log")
        os.close(descriptor)
        self._log = Path(log)
        self._process: ForkServerProcess | None = None

    def like(self, **options: Any) -> Worker:
        """Return another worker over the same store, not yet started; `options` are its own."""
        return Worker(self._options["store"], **options)

    def start(self) -> None:
        """Start it; `wait` for it to answer."""
        self._process = FORKS.Process(target=worker.main, args=(self._options, self._log, self._clock_offset))
        self._process.start()

    def wait(self) -> None:
        """Wait until it answers.

        Raises:
            RuntimeError: it ended instead, or has not answered in time.
        """
        deadline = time.monotonic() + START
        while not self._answers():
            if not self.process.is_alive() or time.monotonic() > deadline:
                raise RuntimeError(f"The worker does not answer:\n{self.log()}")
            time.sleep(0.02)

    def kill(self) -> None:
        """End it at once, as a crash would. Safe if it has ended."""
        self.process.kill()
        self._wait_for_the_end()

    def terminate(self) -> int:
        """Ask it to end, and return its exit code.

        Raises:
            TimeoutError: it does not.
        """
        self.process.terminate()
        return self._wait_for_the_end()

    def freeze(self) -> None:
        """Stop its execution until `thaw`."""
        self._send(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._send(signal.SIGCONT)

    def log(self) -> str:
        """Return what it has written so far, over all its starts."""
        return self._log.read_text(errors="replace")

    def close(self) -> None:
        """Leave nothing behind, whatever state it is in."""
        if self._process is not None:
            self.kill()
        self._log.unlink()

    @property
    def process(self) -> ForkServerProcess:
        """The process.

        Raises:
            RuntimeError: it was never started.
        """
        if self._process is None:
            raise RuntimeError("The worker was not started")
        return self._process

    def _send(self, number: signal.Signals) -> None:
        assert self.process.pid is not None
        os.kill(self.process.pid, number)

    def _wait_for_the_end(self) -> int:
        self.process.join(STOP)
        if self.process.exitcode is None:
            raise TimeoutError(f"The worker does not end:\n{self.log()}")
        return self.process.exitcode

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=1)
        try:
            connection.request("GET", "/handshake/")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()


@contextmanager
def working(*workers: Worker) -> Iterator[Sequence[Worker]]:
    """Run workers for the length of a block."""
    try:
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.wait()
        yield workers
    finally:
        for worker in workers:
            worker.close()


def patient(store: str) -> dict[str, float]:
    """Return timings with which a store that is only slow, on a busy machine, is never taken for one that is away."""
    return {"busy_timeout": PATIENCE} if store.startswith("sqlite") else {"call_timeout": PATIENCE}


def several(store: str, count: int, **options: Any) -> list[Worker]:
    """Return workers over one store, not yet started.

    The last of them replays a log of any length, so that the whole of it can be read from there; with the others a
    watcher that missed much gets a snapshot.
    """
    limits = options.pop("limits", {})
    whole = {"replay_events": ROOMY["log_events"]}
    return [
        *(Worker(store, limits=limits, **options) for _ in range(count - 1)),
        Worker(store, limits=limits | whole, **options),
    ]
