"""An agent runs a command for every step: none loads what it does not need."""

from __future__ import annotations

import asyncio
import sys

import pytest

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
