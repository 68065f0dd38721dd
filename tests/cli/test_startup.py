"""The start of a command: none loads what it does not need, and all have their help without docstrings."""

from __future__ import annotations

import asyncio
import sys

import pytest

from handshake_prompt.cli import main
from tests.support.commands import PATIENCE, environment

SCRIPT = """
import sys
from handshake_prompt.cli import main
main(sys.argv[1:], standalone_mode=False, prog_name="handshake-prompt") if sys.argv[1:] else None
"""
SERVER = {"starlette", "uvicorn", "websockets", "handshake_prompt.engine", "handshake_prompt.asgi"}
CLIENT = {"httpx", "asyncio", "handshake_prompt.client"}
PARTS = ["--sid", "0" * 32, "--token", "t" * 32, "--base", "http://127.0.0.1:9", "--timeout", "0.3"]


async def loaded(*arguments: str) -> set[str]:
    """Return the modules that a command loads."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-v",
        "-c",
        SCRIPT,
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env=environment(),
    )
    async with asyncio.timeout(PATIENCE):
        _, err = await process.communicate()
    return {line.split("'")[1] for line in err.decode().splitlines() if line.startswith("import '")}


@pytest.mark.parametrize("arguments", [["--help"], ["parse-prompt", "--prompt", "x"]])
async def test_what_talks_to_nobody_loads_neither_client_nor_server(arguments: list[str]) -> None:
    found = await loaded(*arguments)
    assert "handshake_prompt.cli.agent_commands" in found
    assert not found & (SERVER | CLIENT)


async def test_what_talks_to_a_server_loads_no_server() -> None:
    found = await loaded("get-context", *PARTS)
    assert {"handshake_prompt.client", "httpx"} <= found
    assert not found & SERVER


async def test_a_server_loads_neither_the_demo_nor_its_model() -> None:
    found = await loaded("serve", "--host", "192.0.2.1")  # no address of this machine
    assert {"uvicorn", "handshake_prompt.asgi"} <= found
    assert not found & {"handshake_prompt.page.demo", "pydantic"}


HELP = """
import click
from handshake_prompt.cli import main
for name, command in [("", main), *main.commands.items()]:
    print(command.get_help(click.Context(command, info_name=name)))
"""


async def help_of_all(*options: str) -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable, *options, "-c", HELP, stdout=asyncio.subprocess.PIPE, env=environment()
    )
    async with asyncio.timeout(PATIENCE):
        out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode()


async def test_help_is_the_same_without_docstrings() -> None:
    shown = await help_of_all()
    assert await help_of_all("-OO") == shown
    for command in main.commands.values():
        assert (command.help or "-").partition("\n")[0] in " ".join(shown.split())
        assert len(command.get_short_help_str()) > 10
