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

import handshake_prompt

ROOT = Path(handshake_prompt.__file__).parent
PACKAGE = "handshake_prompt"

LEVELS: dict[str, int] = {
    "version": 0,
    "texts": 0,
    "protocol": 1,
    "session": 2,
    "client": 2,
    "forms": 3,
    "stores": 3,
    "mcp": 3,
    "modes": 4,
    "testing": 4,
    "engine": 5,
    "asgi": 6,
    "page": 7,
    "cli": 8,
    "__init__": 9,
    "__main__": 9,
}
"""Folder of the package, or module at its top -> its level. A folder imports from lower levels alone."""

BELOW_THE_ENGINE: dict[str, set[str]] = {
    "engine.access": set(),
    "engine.host": set(),
    "engine.delivery": {"engine.access"},
}
"""Part of the engine that its transactions and operations stand on -> the other parts that it may import."""

PURE = {"version", "protocol", "session", "texts", "forms", "modes"}
"""Folders without a clock, chance, or anything that waits."""
IMPURE = {"asyncio", "anyio", "time", "random", "threading", "socket", "subprocess", "os", "pathlib", "secrets"}
MINTING = {"protocol.credentials"}
"""Where secrets are made: chance is what it is for."""
ONLY_HERE = {
    "starlette": {"asgi", "page", "cli"},
    "mcp": {"mcp", "asgi.mcp"},
    "uvicorn": {"cli"},
    "click": {"cli"},
    "websockets": set(),
    "httpx": {"client", "testing"},
    "redis": {"stores.redis"},
    "re2": {"forms"},
    "jsonschema": {"forms"},
    "regex": {"forms"},
    "pydantic": {"forms", "page.demo.trip_pydantic"},
    "django": {"asgi.host_errors", "asgi.owners", "forms.models.django_form"},
    "fastapi": {"asgi.owners"},
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
            found.add("__init__")
    return found - {name}


def foreign_imports(name: str) -> set[str]:
    """Return the top-level names of what a module imports from elsewhere."""
    return {module.partition(".")[0] for module, _ in imports(name)} - {PACKAGE}


def folder(name: str) -> str:
    return name.partition(".")[0]


def level(name: str) -> int:
    return LEVELS[folder(name)]


def may(name: str, places: set[str]) -> bool:
    return any(name == place or name.startswith(f"{place}.") for place in places)


# From the source


def test_every_folder_has_a_level_and_every_level_its_folders() -> None:
    assert {folder(name) for name in modules()} == LEVELS.keys()


def test_a_folder_imports_only_from_folders_below() -> None:
    assert not {
        f"{name} imports {other}"
        for name in modules()
        for other in own_imports(name)
        if folder(other) != folder(name) and level(other) >= level(name)
    }


def test_the_lower_parts_of_the_engine_import_nothing_that_stands_on_them() -> None:
    assert not {
        f"{name} imports {other}"
        for part, lower in BELOW_THE_ENGINE.items()
        for name in modules()
        if may(name, {part})
        for other in own_imports(name)
        if folder(other) == "engine" and not may(other, {part, *lower})
    }


def test_the_operations_are_imported_by_the_engine_that_puts_them_together() -> None:
    above = {name for name in modules() if any(may(other, {"engine.operations"}) for other in own_imports(name))}
    assert {name for name in above if not may(name, {"engine.operations"})} == {"engine", "engine.engine"}


def test_no_module_imports_the_face_of_the_package() -> None:
    assert not {name for name in modules() if "__init__" in own_imports(name)}


def test_no_imports_go_in_a_circle() -> None:
    order = list(TopologicalSorter({name: own_imports(name) for name in modules()}).static_order())
    assert (
        order.index("protocol.errors")
        < order.index("session.session")
        < order.index("engine.engine")
        < order.index("asgi.app")
    )


def test_pure_folders_neither_wait_nor_look_at_a_clock() -> None:
    assert not {
        f"{name} imports {impure}"
        for name in modules()
        if folder(name) in PURE
        for impure in foreign_imports(name) & (IMPURE - ({"secrets"} if name in MINTING else set()))
    }


def test_a_dependency_is_imported_only_where_it_belongs() -> None:
    assert not {
        f"{name} imports {dependency}"
        for name in modules()
        for dependency in foreign_imports(name) & ONLY_HERE.keys()
        if not may(name, ONLY_HERE[dependency])
    }


def test_users_of_a_store_know_the_interface_and_no_adapter() -> None:
    assert not {
        f"{name} imports {other}"
        for name in modules()
        if folder(name) not in {"stores", "testing"}
        for other in own_imports(name)
        if other.startswith("stores.")
    }


def test_the_reader_of_imports_reads_them() -> None:
    """A guard against a reader that sees nothing and lets everything pass."""
    assert {"protocol.errors", "stores", "session", "engine.access.host_login"} <= own_imports("engine.access.guard")
    assert {"protocol.mount", "engine", "asgi.credential_reader"} <= own_imports("asgi.endpoints")
    assert {"starlette", "asyncio"} <= foreign_imports("asgi.http")
    assert own_imports("__init__") >= {"asgi.app", "engine"}


# From a fresh interpreter

ALONE = """
import importlib, json, sys, types
package = types.ModuleType("handshake_prompt")
package.__path__ = [sys.argv[1]]
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
        timeout=60,
    )
    return set(json.loads(run.stdout))


def test_the_public_names_load_no_client_no_adapter_and_no_command_line() -> None:
    found = {name.partition(".")[0] for name in loaded(WHOLE)}
    assert {"starlette", "msgspec", PACKAGE} <= found
    assert not found & {"httpx", "redis", "aiosqlite", "click", "uvicorn", "websockets", "mcp", "fastapi", "django"}
    assert not found & {"jsonschema", "pydantic", "regex"}


def test_the_agents_side_loads_nothing_of_the_server() -> None:
    found = loaded(AGENT)
    ours = {name.removeprefix(f"{PACKAGE}.").partition(".")[0] for name in found if name.startswith(f"{PACKAGE}.")}
    assert ours == {"client", "texts", "version"}
    assert not {name.partition(".")[0] for name in found} & {"starlette", "uvicorn", "websockets", "re2", "mcp"}


def test_a_level_loads_nothing_above_itself() -> None:
    """One interpreter a level: what it loads is looked at as a whole."""
    for height in range(LEVELS["asgi"]):
        assert "starlette" not in loaded_alone(height, without="mcp")


def test_the_tools_of_mcp_load_nothing_above_themselves() -> None:
    """Their SDK brings a web framework of its own."""
    loaded_alone(LEVELS["mcp"])


def loaded_alone(height: int, *, without: str | None = None) -> set[str]:
    """Return what the folders up to a level load, a folder left out; nothing of ours above it is among that."""
    names = [name for name in modules() if level(name) <= height and folder(name) != without]
    found = loaded(ALONE, str(ROOT), *names)
    ours = {name.removeprefix(f"{PACKAGE}.") for name in found if name.startswith(f"{PACKAGE}.")}
    assert set(names) <= ours
    assert not {name for name in ours if level(name) > height}
    return found
