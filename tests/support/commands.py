"""The `handshake-prompt` command as somebody runs it: in this process, piped, or on a real pseudo-terminal."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import struct
import sys
import termios
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from fcntl import ioctl
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from handshake_prompt.cli import main
from tests.support.peer import Peer

COMMAND = [sys.executable, "-m", "handshake_prompt"]
PATIENCE = 60.0
"""Seconds that a command may take."""
UNSET = ("HANDSHAKE_PROMPT", "HANDSHAKE_AGENT_NAME", "NO_COLOR", "PYTHONIOENCODING")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def environment(variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return an environment in which nothing but `variables` concerns the command."""
    clean = {name: value for name, value in os.environ.items() if name not in UNSET}
    return {**clean, "TERM": "xterm", "PYTHONUTF8": "1", **(variables or {})}


def run(*arguments: str, text: str | None = None, variables: Mapping[str, str] | None = None) -> Result:
    """Run the command in this process."""
    cleared: dict[str, str | None] = dict.fromkeys(UNSET)
    return CliRunner().invoke(main, arguments, input=text, env={**cleared, **(variables or {})})


async def ask(*arguments: str, text: str | None = None, variables: Mapping[str, str] | None = None) -> Result:
    """Run the command in a thread of this process, so that a server of the test's own loop can answer it."""
    async with asyncio.timeout(PATIENCE):
        return await asyncio.to_thread(run, *arguments, text=text, variables=variables)


async def shell(script: str, path: Path) -> str:
    """Run a script as an agent's shell would and return what it printed."""
    process = await asyncio.create_subprocess_exec(
        "/bin/sh",
        "-eu",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**environment(), "PATH": f"{path}:{environment()['PATH']}", "TMPDIR": str(path)},
    )
    try:
        async with asyncio.timeout(PATIENCE):
            out, err = await process.communicate(script.encode())
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    assert process.returncode == 0, out.decode() + err.decode()
    return out.decode()


def prompt_of(peer: Peer) -> str:
    """Return the credential lines of a session, as in its prompt."""
    return f"- sessionId: {peer.session_id}\n- token: {peer.token}\n- baseUrl: {peer.base_url}\n"


def session_of(peer: Peer) -> list[str]:
    """Return the options that name a session without a prompt."""
    return ["--sid", peer.session_id, "--token", peer.token, "--base", peer.base_url]


def marked_json(output: str) -> Any:
    """Return the JSON that stands between the two lines, each of which is there once."""
    lines = output.split("\n")
    assert lines.count("[JSON-BEGIN]") == lines.count("[JSON-END]") == 1
    assert output.count("[JSON-") == 2, "nothing else looks like one of them"
    return json.loads("\n".join(lines[lines.index("[JSON-BEGIN]") + 1 : lines.index("[JSON-END]")]))


def for_people(output: str) -> str:
    """Return what stands before the JSON."""
    return output.partition("[JSON-BEGIN]")[0]


async def stopped(process: asyncio.subprocess.Process) -> None:
    """End a process that has not ended by itself."""
    if process.returncode is None:
        process.kill()
        await process.wait()


@dataclass(frozen=True)
class Ended:
    """What a process wrote, and how it ended."""

    exit_code: int
    stdout: str
    stderr: str


async def piped(*arguments: str, text: str = "", variables: Mapping[str, str] | None = None) -> Ended:
    """Run the command as a process whose streams are pipes."""
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment(variables),
    )
    try:
        async with asyncio.timeout(PATIENCE):
            out, err = await process.communicate(text.encode())
    finally:
        await stopped(process)
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())


@dataclass
class Screen:
    """A pseudo-terminal: what appeared on it, and its keyboard."""

    process: asyncio.subprocess.Process
    reader: asyncio.StreamReader
    keyboard: int
    seen: str = ""

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self.keyboard, keys.encode())

    async def shows(self, text: str) -> str:
        """Wait until a text appears, and return all that has appeared."""
        async with asyncio.timeout(PATIENCE):
            while text not in COLOUR.sub("", self.seen):
                self.seen += await self._more()
        return self.seen

    async def ended(self) -> tuple[int, str]:
        """Wait for the command's end; return its exit code and all that has appeared."""
        async with asyncio.timeout(PATIENCE):
            while more := await self._more(or_end=True):
                self.seen += more
            return await self.process.wait(), self.seen

    async def _more(self, *, or_end: bool = False) -> str:
        try:
            raw = await self.reader.read(65536)
        except OSError:  # Linux says so when the last one on the other side has left
            raw = b""
        assert raw or or_end, f"the command ended too early: {self.seen}"
        return raw.decode(errors="replace").replace("\r\n", "\n")


@asynccontextmanager
async def on_terminal(*arguments: str, variables: Mapping[str, str] | None = None) -> AsyncIterator[Screen]:
    """Run the command with a real pseudo-terminal as its keyboard and screen."""
    here, there = pty.openpty()
    ioctl(there, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        *arguments,
        stdin=there,
        stdout=there,
        stderr=there,
        env=environment(variables),
        preexec_fn=lambda: os.login_tty(there),
    )
    os.close(there)
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(os.dup(here), "rb", buffering=0)
    )
    try:
        yield Screen(process, reader, here)
    finally:
        await stopped(process)
        transport.close()
        os.close(here)
