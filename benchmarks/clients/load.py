"""As many requests as a server answers: by `wrk` where it is installed, else by a generator in Python.

Both keep the same number of connections busy, each asking anew as soon as it was answered, and send a list of requests
in turn. A socket error or a status that is not success fails the run: a server that refuses quickly must not look fast.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from benchmarks import machine
from benchmarks.servers import HOST

from .http import Connection, LoadError, Request
from .loop import run

CONNECTIONS = 16
GRACE_SECONDS = 30
HOW_TO_GET_WRK = "wrk is not installed: `apt-get install wrk` or `brew install wrk`"


class LoadResult(NamedTuple):
    """What a timed run came to; times in seconds."""

    requests: int
    seconds: float
    p50: float
    p99: float

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds


class Load(Protocol):
    """Something that puts a server under load."""

    name: str

    def run(self, port: int, requests: Sequence[Request], seconds: float) -> LoadResult:
        """Send `requests` in turn for some seconds.

        Raises:
            LoadError: a request failed.
        """
        ...


def find_load() -> Load:
    """Return the best there is on this machine."""
    path = shutil.which("wrk")
    return Wrk(path) if path else Generator()


class Wrk:
    """`wrk`, one thread."""

    name = "wrk"

    def __init__(self, path: str) -> None:
        self._path = path

    def run(self, port: int, requests: Sequence[Request], seconds: float) -> LoadResult:
        # It counts whole seconds.
        duration = max(1, round(seconds))
        with tempfile.TemporaryDirectory() as folder, machine.pinned((machine.LOAD_CORE,)):
            script = Path(folder, "requests.lua")
            script.write_text(wrk_script(requests))
            command = [self._path, "-t1", f"-c{CONNECTIONS}", f"-d{duration}s", "-s", str(script)]
            done = subprocess.run(  # noqa: S603
                [*command, f"http://{HOST}:{port}"],
                check=False,
                capture_output=True,
                text=True,
                timeout=duration + GRACE_SECONDS,
            )
        if done.returncode:
            raise LoadError(f"wrk failed: {(done.stderr or done.stdout).strip()}")
        return parse_wrk(done.stdout)


RESULT = "RESULT "
SCRIPT = """
local requests = {{}}
local turn = 0
function init(args)
  requests = {{
{requests}
  }}
end
function request()
  turn = turn % #requests + 1
  return requests[turn]
end
function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\\n{result}{{"requests":%d,"us":%d,"p50":%d,"p99":%d,"errors":{{"connect":%d,"read":%d,"write":%d,' ..
    '"timeout":%d,"status":%d}}}}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.connect, errors.read, errors.write, errors.timeout, errors.status))
end
"""


def wrk_script(requests: Sequence[Request]) -> str:
    """Return the Lua script that makes wrk send requests in turn and report in JSON."""
    return SCRIPT.format(requests=",\n".join(map(_formatted, requests)), result=RESULT)


def parse_wrk(output: str) -> LoadResult:
    """Return what our script wrote at the end of wrk's output.

    Raises:
        LoadError: a request failed, or the script did not come to its end.
    """
    line = next((line for line in output.splitlines() if line.startswith(RESULT)), None)
    if line is None:
        raise LoadError(f"wrk did not report: {output.strip()[-300:]}")
    told = json.loads(line.removeprefix(RESULT))
    failed = {name: count for name, count in told["errors"].items() if count}
    if failed or not told["requests"]:
        raise LoadError(f"of {told['requests']} requests failed: {failed or 'all'}")
    return LoadResult(told["requests"], told["us"] / 1e6, told["p50"] / 1e6, told["p99"] / 1e6)


def _formatted(request: Request) -> str:
    headers = ", ".join(f"[{_quoted(name)}]={_quoted(value)}" for name, value in request.headers.items())
    body = _quoted(request.body) if request.body else "nil"
    return f"wrk.format({_quoted(request.method)}, {_quoted(request.path)}, {{{headers}}}, {body})"


def _quoted(text: str) -> str:
    """Return a Lua string; whatever is not plain is written by its number."""
    plain = (chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else f"\\{byte:03d}" for byte in text.encode())  # noqa: PLR2004 - ASCII
    return f'"{"".join(plain)}"'


class Generator:
    """Load from Python: slower than wrk, so a fast server's figures are too low with it."""

    name = "Python generator"

    def run(self, port: int, requests: Sequence[Request], seconds: float) -> LoadResult:
        return run(self._run(port, requests, seconds))

    async def _run(self, port: int, requests: Sequence[Request], seconds: float) -> LoadResult:
        turns = itertools.cycle([request.encode(port) for request in requests])
        connections = [await Connection.open(port) for _ in range(CONNECTIONS)]
        took: list[float] = []
        began = time.perf_counter()

        async def ask(connection: Connection) -> None:
            while (sent := time.perf_counter()) < began + seconds:
                await connection.send(next(turns))
                took.append(time.perf_counter() - sent)

        try:
            async with asyncio.timeout(seconds + GRACE_SECONDS):
                await asyncio.gather(*map(ask, connections))
        except TimeoutError:
            raise LoadError("requests were not answered") from None
        finally:
            for connection in connections:
                connection.close()
        lasted = time.perf_counter() - began
        hundredths = statistics.quantiles(took, n=100)
        return LoadResult(len(took), lasted, hundredths[49], hundredths[98])
