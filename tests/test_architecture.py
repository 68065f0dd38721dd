"""Imports go one way, downwards: read from the source with `ast`, and from what a fresh interpreter really loads."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import handshake_prompt

ROOT = Path(handshake_prompt.__file__).parent
PACKAGE = "handshake_prompt"

LEVELS: dict[str, int] = {
    "errors": 0,
    "limits": 0,
    "events": 0,
    "messages": 0,
    "credentials": 0,
    "prompt": 0,
    "wording": 0,
    "quoting": 0,
    "markdown": 0,
    "values": 0,
    "validation": 0,
    "rate_limit": 0,
    "session": 1,
    "modes": 1,
    "stores": 2,
    "broadcast": 2,
    "hooks": 2,
    "locks": 2,
    "client": 2,
    "guard": 3,
    "diff": 3,
    "idempotency": 3,
    "ledger": 3,
    "follow": 3,
    "watch": 3,
    "batch": 3,
    "writes": 3,
    "handover": 3,
    "replies": 3,
    "engine": 3,
    "asgi": 4,
    "mcp": 4,
    "testing": 5,
    "demo": 5,
    "cli": 6,
    "__main__": 7,
    "__init__": 7,
}
"""The first part of a module's name -> its level. What is new has to be given one."""

PURE_BELOW = 2
"""Levels without a clock, chance, or anything that waits."""
IMPURE = {"asyncio", "anyio", "time", "random", "threading", "socket", "subprocess", "os", "pathlib", "secrets"}
MINTING = {"credentials"}
"""Where secrets are made: chance is what it is for."""
NAMES_OF_THE_ROOT = {"__version__"}
"""All that a module may take from the package itself, which imports everything else."""
ONLY_HERE = {
    "starlette": {"asgi", "mcp", "demo", "cli"},
    "mcp": {"mcp"},
    "uvicorn": {"cli"},
    "click": {"cli"},
    "websockets": set(),
    "httpx": {"client"},
    "redis": {"stores.redis"},
    "re2": {"modes"},
    "pytest": {"testing"},
    "sqlite3": {"stores.sqlite"},
}
"""A dependency -> the modules that may import it."""


@cache
def modules() -> dict[str, ast.Module]:
    """Return every module of the package by its name within it."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)
        found[name] = ast.parse(path.read_text("utf-8"))
    return found


def is_package(name: str) -> bool:
    return name == "__init__" or (ROOT / name.replace(".", "/")).is_dir()


def imports(name: str) -> Iterator[tuple[str, str | None]]:
    """Yield what a module imports, absolutely: the module, and the name taken from it if it is one."""
    for node in ast.walk(modules()[name]):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, None
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield absolute(name, node), alias.name


def absolute(name: str, node: ast.ImportFrom) -> str:
    """Return the full name of what `from ... import` names in a module."""
    if not node.level:
        return node.module or ""
    here = [PACKAGE, *([] if name == "__init__" else name.split("."))]
    up = node.level - 1 if is_package(name) else node.level
    base = here[: len(here) - up]
    return ".".join([*base, *([node.module] if node.module else [])])


def own_imports(name: str) -> set[str]:
    """Return the package's own modules that a module imports."""
    found = set()
    for module, taken in imports(name):
        if module != PACKAGE and not module.startswith(f"{PACKAGE}."):
            continue
        inner = module.removeprefix(PACKAGE).removeprefix(".")
        whole = f"{inner}.{taken}".removeprefix(".") if taken else inner
        if whole in modules():
            found.add(whole)
        elif inner:
            found.add(inner)
        else:
            found.add("__init__" if taken not in NAMES_OF_THE_ROOT else name)
    return found - {name}


def foreign_imports(name: str) -> set[str]:
    """Return the top-level names of what a module imports from elsewhere."""
    return {module.partition(".")[0] for module, _ in imports(name)} - {PACKAGE}


def level(name: str) -> int:
    return LEVELS[name.partition(".")[0]]


def may(name: str, places: set[str]) -> bool:
    return any(name == place or name.startswith(f"{place}.") for place in places)


# From the source


def test_every_module_has_a_level_and_every_level_its_modules() -> None:
    assert {name.partition(".")[0] for name in modules()} == LEVELS.keys()


@pytest.mark.parametrize("name", sorted(modules()))
def test_no_import_goes_up(name: str) -> None:
    upwards = {other for other in own_imports(name) if level(other) > level(name)}
    assert not upwards


def test_no_imports_go_in_a_circle() -> None:
    order = list(TopologicalSorter({name: own_imports(name) for name in modules()}).static_order())
    assert order.index("errors") < order.index("session") < order.index("engine") < order.index("asgi.app")


@pytest.mark.parametrize("name", sorted(name for name in modules() if level(name) < PURE_BELOW))
def test_below_the_stores_nothing_waits_or_looks_at_a_clock(name: str) -> None:
    assert not foreign_imports(name) & (IMPURE - ({"secrets"} if name in MINTING else set()))


@pytest.mark.parametrize("name", sorted(modules()))
def test_a_dependency_is_imported_only_where_it_belongs(name: str) -> None:
    misplaced = {
        dependency
        for dependency in foreign_imports(name)
        if dependency in ONLY_HERE and not may(name, ONLY_HERE[dependency])
    }
    assert not misplaced


@pytest.mark.parametrize("name", sorted(name for name in modules() if level(name) > LEVELS["stores"]))
def test_whoever_uses_a_store_knows_the_interface_and_no_adapter(name: str) -> None:
    adapters = {one for one in own_imports(name) if one.startswith("stores.") and one != "stores.base"}
    assert not adapters


def test_the_reader_of_imports_reads_them() -> None:
    """A guard against a reader that sees nothing and lets everything pass."""
    assert {"errors", "stores", "session", "hooks"} <= own_imports("guard")
    assert {"messages", "engine", "asgi.connection"} <= own_imports("asgi.http")
    assert "__init__" not in own_imports("asgi.openapi")
    assert {"starlette", "asyncio"} <= foreign_imports("asgi.http")
    assert own_imports("__init__") >= {"asgi.app", "engine"}


# From a fresh interpreter

ALONE = """
import importlib, json, sys, types
package = types.ModuleType("handshake_prompt")
package.__path__, package.__version__ = [sys.argv[1]], "0"
sys.modules["handshake_prompt"] = package
for name in sys.argv[2:]:
    importlib.import_module("handshake_prompt." + name)
print(json.dumps(sorted(sys.modules)))
"""
"""Imports modules without what the package itself imports."""
WHOLE = "import json, sys; from handshake_prompt import *; print(json.dumps(sorted(sys.modules)))"
AGENT = "import json, sys, handshake_prompt.client; print(json.dumps(sorted(sys.modules)))"


def loaded(code: str, *arguments: str) -> set[str]:
    """Return the modules that an interpreter has after running some code."""
    run = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT.parent,
        timeout=30,
    )
    return set(json.loads(run.stdout))


def test_the_public_names_load_no_client_no_adapter_and_no_command_line() -> None:
    found = {name.partition(".")[0] for name in loaded(WHOLE)}
    assert {"starlette", "msgspec", PACKAGE} <= found
    assert not found & {"httpx", "redis", "aiosqlite", "click", "uvicorn", "websockets", "mcp", "fastapi", "django"}


def test_the_agents_side_loads_nothing_of_the_server() -> None:
    found = loaded(AGENT)
    ours = {name.removeprefix(f"{PACKAGE}.").partition(".")[0] for name in found if name.startswith(f"{PACKAGE}.")}
    assert ours == {"client", "prompt", "quoting", "wording"}
    assert not {name.partition(".")[0] for name in found} & {"starlette", "uvicorn", "websockets", "re2", "mcp"}


@pytest.mark.parametrize("height", range(5))
def test_a_level_loads_nothing_above_itself(height: int) -> None:
    names = [name for name in modules() if level(name) == height]
    found = loaded(ALONE, str(ROOT), *names)
    ours = {name.removeprefix(f"{PACKAGE}.") for name in found if name.startswith(f"{PACKAGE}.")}
    assert set(names) <= ours
    assert {name for name in ours if level(name) > height} == set()
    if height < LEVELS["asgi"]:
        assert "starlette" not in found
