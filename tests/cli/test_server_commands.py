"""The command, run as a person runs it."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from click.testing import CliRunner

from handshake_prompt import __version__
from handshake_prompt.cli import main
from handshake_prompt.cli.uvicorn_server import GRACE
from tests.support.peer import open_session, patient_client
from tests.support.stalls import waiting_at_most

PATIENCE = 30.0
"""Seconds that the command may take to start or to end."""


@dataclass
class Command:
    """A running command: the address it announced, and what it printed."""

    process: asyncio.subprocess.Process
    url: str
    printed: list[str] = field(default_factory=list)

    async def stop(self, how: signal.Signals = signal.SIGINT) -> int:
        """Interrupt it and return its exit code."""
        self.process.send_signal(how)
        async with asyncio.timeout(PATIENCE):
            assert self.process.stdout is not None
            self.printed.append((await self.process.stdout.read()).decode())
            return await self.process.wait()


@asynccontextmanager
async def running(*arguments: str) -> AsyncIterator[Command]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "handshake_prompt",
        *arguments,
        "--port",
        "0",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            line = (await process.stdout.readline()).decode()
            announced = re.search(r"http://127\.0\.0\.1:\d+", line)
            assert announced, line
            while b"startup complete" not in (started := await process.stdout.readline()):
                assert started, "the server ended before it had started"
        yield Command(process, announced[0], [line])
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_demo_serves_its_page_and_stops_on_interrupt() -> None:
    async with running("demo") as demo, patient_client() as http:
        page = await http.get(demo.url)
        assert page.status_code == 200
        assert "text/html" in page.headers["content-type"]
        assert await demo.stop() == 0


async def test_serve_takes_its_prefixes_rate_and_public_url() -> None:
    options = ["--prefix", "/hpp", "--ws-prefix", "/live", "--rate-limit", "2", "--public-url", "https://example.com"]
    async with running("serve", *options) as server:
        peer = await open_session(server.url, {"prompt": True}, mount="/hpp")
        async with aclosing(peer.http), peer.watch(role="agent") as agent:
            await agent.next("connected")
            statuses = [(await peer.agent("GET", "context")).status_code for _ in range(2)]
        assert peer.created["wsUrl"] == f"/live/{peer.session_id}"
        assert peer.created["baseUrl"] == "https://example.com"
        assert "- baseUrl: https://example.com" in peer.created["prompt"]
        assert statuses == [200, 429]


async def test_interrupt_sends_every_watcher_elsewhere_and_ends_in_time() -> None:
    async with running("serve") as server, AsyncExitStack() as stack:
        peer = await open_session(server.url)
        await stack.enter_async_context(aclosing(peer.http))
        pages = [await stack.enter_async_context(peer.watch()) for _ in range(7)]
        stream = await stack.enter_async_context(peer.events())
        await stream.next("connected")
        for page in pages:
            await page.next("connected")
        async with waiting_at_most(2 + GRACE):
            stopped = asyncio.create_task(server.stop())
            ends = [await page.closed() for page in pages]
            closed, events = await stream.closed()
            assert await stopped == 0
        assert [code for code, _ in ends] == [4503] * 7
        assert closed["code"] == 4503
        assert all(frames[-1]["type"] == "draining" for frames in (*(frames for _, frames in ends), events))


async def test_access_log_never_has_a_credential() -> None:
    async with running("serve") as server:
        peer = await open_session(server.url)
        async with aclosing(peer.http):
            await peer.http.get(f"{peer.base_url}{peer.created['contextUrl']}?token={peer.token}")
            async with peer.watch(query=f"token={peer.token}") as page:
                await page.next("connected")
        await server.stop()
        log = "".join(server.printed)
        assert peer.session_id in log
        assert "token=[redacted]" in log
        assert peer.token not in log
        assert peer.cookie.partition("=")[2] not in log


def test_port_that_is_taken_is_said_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = CliRunner().invoke(main, ["serve", "--port", str(taken.getsockname()[1])])
    assert result.exit_code == 1
    assert "Address already in use. Choose another with --port" in result.output


def test_the_list_of_commands_has_a_whole_sentence_for_each() -> None:
    listed = CliRunner().invoke(main, ["--help"]).output.partition("Commands:\n")[2].partition("\n\n")[0].splitlines()
    assert len(listed) == len(main.commands)
    assert [line for line in listed if not line.endswith(".") or line.endswith("...")] == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["serve", "--ttl", "0"], "ttl has to be a positive number", id="ttl"),
        pytest.param(["serve", "--prefix", "hpp"], "starts with a slash", id="prefix"),
        pytest.param(["serve", "--rate-limit", "0"], "'--rate-limit': 0 is not in the range", id="rate"),
    ],
)
def test_bad_option_is_a_usage_error(arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert said in result.output


def test_version_is_the_package_s() -> None:
    assert __version__ in CliRunner().invoke(main, ["--version"]).output


async def test_serve_says_whether_it_lives_and_whether_it_is_ready() -> None:
    async with running("serve") as server, patient_client(base_url=server.url) as http:
        live, ready = await http.get("/health/live"), await http.get("/health/ready")
        assert (live.status_code, live.json()) == (200, {"status": "live"})
        assert (ready.status_code, ready.json()["status"]) == (200, "ready")
        assert ready.json()["store"] == "MemoryStore"
        assert await server.stop() == 0


async def test_sessions_in_a_file_outlive_the_server(tmp_path: Path) -> None:
    store = ["--store", f"sqlite:///{tmp_path / 'sessions.db'}"]
    async with running("serve", *store) as server:
        peer = await open_session(server.url)
        await peer.edit("name", "kept")
        assert await server.stop() == 0
    async with running("serve", *store) as server, patient_client(base_url=server.url) as http:
        ready = await http.get("/health/ready")
        assert (ready.status_code, ready.json()["store"]) == (200, "SQLiteStore")
        context = await http.get(peer.created["contextUrl"], headers=peer.as_agent)
        assert context.json()["data"] == {"name": "kept"}
        assert await server.stop() == 0
    await peer.http.aclose()


UNUSABLE = {
    "no such kind": ("mongodb://localhost", "No store for 'mongodb' URLs"),
    "no file": ("sqlite://", "A SQLite URL is"),
    "no directory": ("sqlite:////nowhere/at/all.db", "directory exists"),
    "no Redis": ("redis://host:port", "That is no URL of a Redis"),
}


@pytest.mark.parametrize(("url", "says"), UNUSABLE.values(), ids=UNUSABLE)
def test_a_store_that_can_not_be_used_is_a_mistake_that_says_what_to_do(url: str, says: str) -> None:
    result = CliRunner().invoke(main, ["serve", "--store", url])
    assert result.exit_code == 2
    assert says in result.output.replace("\n", " ")
