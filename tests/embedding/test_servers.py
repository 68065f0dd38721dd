"""Other servers than uvicorn, started as their users start them: what works, what they log, and how they stop."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, aclosing, contextmanager, suppress
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest

from handshake_prompt.protocol.errors import CloseCode
from tests.conftest import FORM
from tests.embedding.scenario import play
from tests.support.parts import absent
from tests.support.peer import PATIENCE, Peer, open_session
from tests.support.serving import free_port

ROOT = Path(__file__).parents[2]
HOSTS = "tests.embedding.hosts"
PROXIED = "/proxied"
SHUTDOWN = 20.0
"""Seconds in which a server with open connections has to be gone, before a poll ends by itself."""
WATCHERS = 10


@dataclass(frozen=True)
class Server:
    """How to start a server. `{app}` and `{port}` are filled in.

    `loud` makes it log all it can, `root_path` names the prefix a proxy strips, `brisk` bounds how long it waits for
    running requests, which not all do of themselves.
    """

    command: str
    loud: str
    root_path: str
    brisk: str = ""
    logs_queries: bool = False
    """Whether it writes the query strings of HTTP requests where no filter reaches: not through the logging module."""
    is_orderly: bool = False
    """Whether it lets the application know of a stop in time to send everybody elsewhere."""
    is_strict: bool = False
    """Whether it takes none of the protocol's own close codes from an application."""


SERVERS = {
    "uvicorn": Server(
        command="uvicorn {app} --port {port}",
        loud="--log-level trace",
        root_path="--root-path",
        brisk="--timeout-graceful-shutdown 1",
        is_orderly=True,
    ),
    "hypercorn": Server(
        command="hypercorn {app} --bind 127.0.0.1:{port}",
        loud="--access-logfile - --log-level debug --access-logformat %(R)s:%(q)s:%({{cookie}}i)s:%({{x-absent}}i)s",
        root_path="--root-path",
        brisk="--graceful-timeout 1",
        is_orderly=True,
    ),
    "granian": Server(
        command="granian {app} --interface asgi --port {port}",
        loud="--access-log --log-level debug --access-log-fmt %(path)s?%(query_string)s",
        root_path="--url-path-prefix",
        brisk="--workers-kill-timeout 1",
    ),
    "daphne": Server(
        command="daphne {app} --port {port}",
        loud="--access-log -",
        root_path="--root-path",
        logs_queries=True,
        is_strict=True,
    ),
}


@dataclass
class Running:
    """A server process and what it has written so far."""

    base_url: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def written(self) -> str:
        return self.log.read_text(errors="replace")

    async def stop(self) -> float:
        """Ask it to stop and return the seconds that took."""
        asked_at = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(self.process.wait, SHUTDOWN)
        return time.monotonic() - asked_at


@contextmanager
def running(command: str, app: str, log: Path) -> Iterator[Running]:
    port = free_port()
    words = command.format(app=f"{HOSTS}.{app}:app", port=port).split()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *words], cwd=ROOT, stdout=output, stderr=output, start_new_session=True
        )
    server = Running(f"http://127.0.0.1:{port}", process, log)
    try:
        _wait_for(server)
        yield server
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # with its workers, which would outlive it
        process.wait()


def _wait_for(server: Running) -> None:
    until = time.monotonic() + 2 * PATIENCE
    while time.monotonic() < until and server.process.poll() is None:
        try:
            httpx.get(server.base_url, verify=False)
        except httpx.TransportError:
            time.sleep(0.02)
        else:
            return
    pytest.fail(f"The server did not come up:\n{server.written}")


servers = pytest.mark.parametrize("server", SERVERS.values(), ids=SERVERS.keys())


@servers
async def test_the_application_runs_alone_and_no_credential_is_logged(server: Server, tmp_path: Path) -> None:
    with running(f"{server.command} {server.loud}", "alone", tmp_path / "log") as process:
        await play(process.base_url, mount="")
        peer = await open_session(process.base_url, FORM | {"userToken": True}, mount="")
        async with aclosing(peer.http):
            await _show_credentials(peer, in_queries=not server.logs_queries)
        await process.stop()
        secrets = [peer.token, peer.created["userToken"], peer.cookie.partition("=")[2]]
        assert peer.session_id in process.written
        assert ("[redacted]" in process.written) is not server.logs_queries
        assert [secret for secret in secrets if secret in process.written] == []
        assert "Logging error" not in process.written


@servers
async def test_open_watchers_streams_and_polls_do_not_keep_a_server_from_stopping(
    server: Server, tmp_path: Path
) -> None:
    command = f"{server.command} {server.root_path} {PROXIED} {server.brisk}"
    with running(command, "mounted", tmp_path / "log") as process:
        peer = _without_proxy(await open_session(process.base_url, FORM))
        async with aclosing(peer.http), AsyncExitStack() as stack:
            pages = [await stack.enter_async_context(peer.watch()) for _ in range(WATCHERS)]
            for page in pages:
                await page.next("connected")
            stream = await stack.enter_async_context(peer.events())
            await stream.next("connected")
            poll = asyncio.create_task(_long_poll(peer))
            await asyncio.sleep(0.2)  # nothing tells that it has begun to wait
            assert await process.stop() < SHUTDOWN
            codes = [(await page.closed())[0] for page in pages]
            await poll
    assert [code for code in codes if code is None or 4400 <= code < 4500] == []


@pytest.mark.parametrize(
    "server",
    [server for server in SERVERS.values() if server.is_orderly],
    ids=[name for name, server in SERVERS.items() if server.is_orderly],
)
async def test_a_stop_as_the_server_does_it_by_itself_answers_polls_and_ends_streams(
    server: Server, tmp_path: Path
) -> None:
    with running(server.command, "mounted", tmp_path / "log") as process:
        peer = await open_session(process.base_url, FORM)
        async with aclosing(peer.http), peer.watch() as page, peer.events() as stream:
            await page.next("connected")
            await stream.next("connected")
            since = {"since": peer.created["cursor"], "wait": "25"}
            poll = asyncio.create_task(peer.agent("GET", "diff", params=since, timeout=SHUTDOWN))
            await asyncio.sleep(0.2)  # nothing tells that it has begun to wait
            stopped = asyncio.create_task(process.stop())
            closed, events = await stream.closed()
            assert (closed["code"], events[-1]["type"]) == (CloseCode.DRAINING, "draining")
            assert (await poll).status_code in {200, 503}
            # 1012 is uvicorn's own, should it have been the first to look
            assert (await page.closed())[0] in {CloseCode.DRAINING, 1012}
            assert await stopped < SHUTDOWN


@servers
async def test_a_poll_that_is_given_up_leaves_no_trace_in_the_log(server: Server, tmp_path: Path) -> None:
    with running(server.command, "mounted", tmp_path / "log") as process:
        peer = await open_session(process.base_url, FORM)
        async with aclosing(peer.http):
            since = {"since": peer.created["cursor"], "wait": "20"}
            with pytest.raises(httpx.ReadTimeout):
                await peer.agent("GET", "diff", params=since, timeout=httpx.Timeout(PATIENCE, read=0.3))
            await asyncio.sleep(0.3)  # nothing tells that the server has noticed
            assert (await peer.agent("GET", "context")).status_code == 200
        await process.stop()
        assert "Traceback" not in process.written


@servers
async def test_a_binary_frame_is_refused_with_a_code_that_the_server_can_send(server: Server, tmp_path: Path) -> None:
    code = CloseCode.BINARY if server.is_strict else CloseCode.UNSUPPORTED_DATA
    codes = {}
    with running(server.command, "mounted", tmp_path / "log") as process:
        peer = await open_session(process.base_url, FORM)
        async with aclosing(peer.http):
            for role in ("user", "agent"):
                async with peer.watch(role=role) as page:
                    await page.next("connected")
                    await page.send(b"\x00\x01")
                    codes[role], _ = await page.closed()
        await process.stop()
        assert "Traceback" not in process.written
    assert codes == {"user": code, "agent": code}


def test_hypercorn_with_trio_is_told_at_its_start_to_run_asyncio() -> None:
    if not find_spec("trio"):
        absent("trio", "pip install trio")
    command = f"hypercorn {HOSTS}.mounted:app --bind 127.0.0.1:{free_port()} --worker-class trio"
    process = subprocess.run(
        [sys.executable, "-m", *command.split()], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert "HandshakeApp runs on asyncio alone" in process.stderr


SEVERAL = {
    "uvicorn": ("uvicorn {app} --port {port} --workers 2", {}),
    "uvicorn, by variable": ("uvicorn {app} --port {port}", {"UVICORN_WORKERS": "2"}),
    "hypercorn, by file": ("hypercorn {app} --bind 127.0.0.1:{port} --config {folder}/hypercorn.toml", {}),
    "granian": ("granian {app} --interface asgi --port {port} --workers 2", {}),
}


@pytest.mark.parametrize(("command", "environ"), SEVERAL.values(), ids=SEVERAL.keys())
def test_several_workers_are_warned_of_however_they_were_asked_for(
    command: str, environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hypercorn.toml").write_text("workers = 2\n", "utf-8")
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    with running(command.replace("{folder}", str(tmp_path)), "mounted", tmp_path / "log") as process:
        assert "2 workers were asked for" in process.written


async def _show_credentials(peer: Peer, *, in_queries: bool) -> None:
    """Send every credential in every place that a request has for it."""
    headers = peer.as_agent | peer.as_user | {"Authorization": f"Bearer {peer.token}"}
    headers["X-Handshake-User-Token"] = peer.created["userToken"]
    query = {"token": peer.token} if in_queries else {}
    assert (await peer.send("GET", "context", headers=headers, params=query)).status_code == 200
    async with peer.watch(headers=headers, query=f"token={peer.token}") as page:
        assert (await page.next())["type"] == "connected"
    async with peer.watch(role="agent") as page:
        assert (await page.next())["role"] == "agent"
    async with peer.watch(headers={}) as page:
        assert (await page.closed())[0] == CloseCode.UNAUTHENTICATED


def _without_proxy(peer: Peer) -> Peer:
    """Return the peer as a client behind the proxy, which would strip the prefix that all of its URLs have to have."""
    urls = {name: url for name, url in peer.created.items() if name.endswith("Url") and name != "baseUrl"}
    assert [url for url in urls.values() if not url.startswith(f"{PROXIED}/")] == []
    stripped = {name: url.removeprefix(PROXIED) for name, url in urls.items()}
    return replace(peer, created=peer.created | stripped)


async def _long_poll(peer: Peer) -> None:
    """Wait for changes until the server ends it, by an answer or by hanging up."""
    since = {"since": peer.created["cursor"], "wait": "25"}
    with suppress(httpx.NetworkError, httpx.RemoteProtocolError):
        await peer.agent("GET", "diff", params=since, timeout=2 * SHUTDOWN)
