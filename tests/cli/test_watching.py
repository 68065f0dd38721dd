"""`watch`: the session live, a line for each change."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.conftest import Open
from tests.support.commands import COMMAND, PATIENCE, environment, on_terminal, prompt_of, session_of, stopped
from tests.support.forms import LINES
from tests.support.peer import Peer


class Watching:
    """A running `watch` whose output is a pipe."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        self.process = process
        self._stdout = process.stdout

    async def line(self) -> str:
        async with asyncio.timeout(PATIENCE):
            return (await self._stdout.readline()).decode().rstrip("\n")

    async def until(self, start: str) -> str:
        while not (line := await self.line()).startswith(start):
            assert line or not self._stdout.at_eof()
        return line

    async def ended(self) -> int:
        async with asyncio.timeout(PATIENCE):
            return await self.process.wait()


@asynccontextmanager
async def watching(peer: Peer, *arguments: str) -> AsyncIterator[Watching]:
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        "watch",
        *session_of(peer),
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment(),
    )
    try:
        yield Watching(process)
    finally:
        await stopped(process)


async def test_each_change_is_a_line_from_the_first_view_to_the_end(pair: Open) -> None:
    peer = await pair()
    async with watching(peer) as watch:
        assert (await watch.line()).startswith(f"Session {peer.session_id}, mode form-fill")
        await watch.until("Watching")
        await peer.edit("name", "Ada")
        await peer.act({"age": 36})
        await peer.edit("iban", "DE89370400440532013000")
        lines = [(await watch.line()).split()[1:] for _ in range(3)]
        assert lines == [["person", "name:", '"Ada"'], ["agent", "age:", "36"], ["person", "iban:", "(hidden)"]]
        await peer.user("DELETE", "session")
        assert (await watch.line()).startswith("The person has ended the session.")
        assert await watch.ended() == 0


async def test_rows_that_come_and_go_are_lines_too(pair: Open) -> None:
    peer = await pair(body=LINES)
    async with watching(peer) as watch, watching(peer, "--json") as program:
        await watch.until("Watching")
        await program.line()
        for body in ({"add": "lines"}, {"add": "lines"}, {"move": "lines/r2", "after": None}, {"remove": "lines/r1"}):
            assert (await peer.user("POST", "notify", body)).status_code == 200
        lines = [(await watch.line()).split(maxsplit=1)[1] for _ in range(4)]
        told = [json.loads(await program.line()) for _ in range(4)]
    assert lines == [
        "person  lines/r1:  row added to the first place",
        "person  lines/r2:  row added behind r1",
        "person  lines/r2:  row moved to the first place",
        "person  lines/r1:  row removed",
    ]
    assert [(one["type"], one["event"], one["row"]) for one in told[2:]] == [
        ("row", "moved", "r2"),
        ("row", "removed", "r1"),
    ]


async def test_problems_that_come_and_go_are_lines_too(pair: Open) -> None:
    peer = await pair()
    async with watching(peer) as watch, watching(peer, "--json") as program:
        await watch.until("Watching")
        await program.line()
        for msg, line in (("Too short", 'Problem: name: "Too short"'), (None, "The form has no problems now.")):
            body = {"problem": {"key": "name", "msg": msg}}
            assert (await peer.user("POST", "notify", body)).status_code == 200
            assert await watch.line() == line
            told = json.loads(await program.line())
            assert (told["type"], len(told["problems"])) == ("problems", 1 if msg else 0)


async def test_json_is_an_object_a_line(pair: Open) -> None:
    peer = await pair()
    cursor = (await peer.context())["cursor"]
    await peer.edit("name", "Ada")
    async with watching(peer, "--json", "--since", cursor) as watch:
        assert json.loads(await watch.line())["context"]["cursor"] != cursor
        change = json.loads(await watch.line())
        assert {name: change[name] for name in ("type", "key", "value", "by")} == {
            "type": "change",
            "key": "name",
            "value": "Ada",
            "by": "user",
        }
        await peer.edit("name", "Grace")
        assert json.loads(await watch.line())["value"] == "Grace"
        await peer.user("DELETE", "session")
        assert json.loads(await watch.line())["type"] == "ended"
        assert await watch.ended() == 0


async def test_what_may_have_been_missed_is_said_with_how_things_stand(pair: Open) -> None:
    peer = await pair()
    await peer.edit("name", "Ada")
    async with watching(peer, "--json", "--since", "no-cursor-of-this-session") as watch:
        assert json.loads(await watch.line())["type"] == "context"
        gap = json.loads(await watch.line())
        assert gap["type"] == "gap"
        assert gap["context"]["context"]["name"]["value"] == "Ada"
    async with watching(peer, "--since", "no-cursor-of-this-session") as watch:
        await watch.until("Changes may have been missed")
        await watch.until("  name")


@pytest.mark.parametrize(("arguments", "first"), [([], "Watching"), (["--json"], '{"type": "context"')])
async def test_an_interrupt_is_no_failure(arguments: list[str], first: str, pair: Open) -> None:
    peer = await pair()
    async with watching(peer, *arguments) as watch:
        await watch.until(first)
        await peer.edit("name", "Grace")
        assert "Grace" in await watch.line()
        watch.process.send_signal(signal.SIGINT)
        assert await watch.ended() == 0
        assert watch.process.stderr is not None
        assert await watch.process.stderr.read() == b"Stopped.\n"


async def test_on_a_terminal_ctrl_c_stops_it(pair: Open) -> None:
    peer = await pair()
    async with on_terminal("watch", variables={"HANDSHAKE_PROMPT": prompt_of(peer)}) as screen:
        await screen.shows("Watching; Ctrl+C stops.")
        await peer.edit("name", "Ada")
        await screen.shows('person  name:  "Ada"')
        screen.type("\x03")
        exit_code, seen = await screen.ended()
    assert exit_code == 0
    assert seen.rstrip().endswith("Stopped.")
