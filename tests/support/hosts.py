"""Host applications of tests/hosts as they are after their diff: loaded here, or served by a process of their own."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx

from tests.support.serving import free_port

HOSTS = Path(__file__).parents[1] / "hosts"
START = 60.0
"""Seconds that a server may take to start."""
PASSWORD = "a password"
PREPARE = f"""
import django
django.setup()
from django.contrib.auth.models import User
from django.core.management import call_command
from expenses.models import Claim
call_command("migrate", run_syncdb=True, verbosity=0)
for name in ("ada", "eve"):
    User.objects.create_user(name, password="{PASSWORD}")
other = {{"category": "meals", "amount": 1, "spent": "2026-01-01", "approver": "a@b.org"}}
Claim.objects.create(owner_id=2, purpose="Team offsite", **other)
"""


def applied(name: str, folder: Path) -> Path:
    """Return a copy of a host with its diff applied."""
    copy = folder / name
    shutil.copytree(HOSTS / name, copy, ignore=shutil.ignore_patterns("__pycache__"))
    alone = {**os.environ, "GIT_CEILING_DIRECTORIES": str(folder)}  # whatever repository is around it
    subprocess.run(["git", "apply", "handover.diff"], cwd=copy, check=True, timeout=START, env=alone)
    return copy


@contextmanager
def loaded(folder: Path) -> Iterator[ModuleType]:
    """Load `app.py` of a host."""
    name = f"host_{folder.name}_{id(folder)}"
    spec = importlib.util.spec_from_file_location(name, folder / "app.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules[name]


def prepare(folder: Path) -> Path:
    """Give a Django project a database of two people, and return its folder."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "expenses.settings"}
    subprocess.run([sys.executable, "-c", PREPARE], cwd=folder, check=True, timeout=START, env=environment)
    return folder


@asynccontextmanager
async def django_project(folder: Path, *command: str, **variables: str) -> AsyncIterator[str]:
    """Serve a Django project; what the server says is in the file `log`.

    Args:
        folder: the project's.
        command: arguments of Python, to which the address is added; uvicorn's by default.
        variables: of the environment.
    """
    host = f"127.0.0.1:{free_port()}"
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "expenses.settings", **variables}
    arguments: dict[str, Any] = {"cwd": folder, "env": environment}
    served = [*command, host] if command else ["-m", "uvicorn", "expenses.asgi:application", "--port", host[10:]]
    with (folder / "log").open("w") as log:
        process = await asyncio.create_subprocess_exec(sys.executable, *served, **arguments, stdout=log, stderr=log)
    try:
        await _answers(f"http://{host}/login")
        yield f"http://{host}"
    finally:
        process.kill()  # with a page still open, a server takes its time to stop
        await process.wait()


async def _answers(url: str) -> None:
    async with asyncio.timeout(START), httpx.AsyncClient(timeout=START) as http:
        while True:
            try:
                await http.get(url)
            except httpx.ConnectError:
                await asyncio.sleep(0.05)
            else:
                return
