"""Selection of tests: what `pytest` runs by itself, and what it leaves for `pytest --all`.

Plain `pytest` runs what a change to any module has to pass, on all cores of a machine that has Python and pip alone.
What is left out is marked `integration`: it needs programs and packages of its own, or minutes. It runs with `--all`,
with `-m integration`, and where files or folders are named on the command line.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

INTEGRATION = {
    "tests/asgi/test_memory.py": "memory by kind of value",
    "tests/benchmarks": "benchmarks",
    "tests/client/test_reference.py": "version 0.2",
    "tests/consistency": "load on several workers",
    "tests/embedding": "other servers and frameworks",
    "tests/engine/host/test_refusals.py": "other servers and frameworks",
    "tests/forms/models/test_django_form.py": "other servers and frameworks",
    "tests/forms/models/test_shipped_models.py": "models of other packages",
    "tests/page": "Chromium",
    "tests/stores/test_redis.py": "Redis",
    "tests/stores/test_redis_pipelined_connection.py": "Redis",
    "tests/stores/test_redis_faults.py": "Redis",
    "tests/stores/test_redis_foreign_data.py": "Redis",
    "tests/stores/test_redis_time.py": "Redis",
    "tests/test_suite.py": "the suite itself",
}
"""Folder or file -> what its tests need. Of tests over each kind of store, those over SQLite and Redis are marked."""

UNMEASURED = {"tests/asgi/test_concurrency.py", "tests/asgi/test_malformed.py"}
"""Tests that run much of the package again and again: others, which are quicker, measure its coverage."""


def settle(config: pytest.Config) -> None:
    """Decide on how many processes tests are run, once, and not in these processes again."""
    if hasattr(config, "workerinput"):
        return
    named = config.args_source is pytest.Config.ArgsSource.ARGS
    if named or config.pluginmanager.hasplugin("_cov"):  # pytest-cov wants to know of processes earlier than this
        return
    if config.pluginmanager.hasplugin("xdist") and config.option.numprocesses is None:
        config.option.numprocesses, config.option.dist = "auto", "worksteal"


def is_for_everything(config: pytest.Config) -> bool:
    """Tell whether a run leaves nothing out, by its command line: processes of pytest-xdist have the same."""
    named = config.args_source is pytest.Config.ArgsSource.ARGS
    return config.option.all or named or bool(config.option.markexpr)


def is_left_out(path: Path, config: pytest.Config) -> bool:
    """Tell whether a file or folder is not even looked at, for want of what it imports."""
    return not is_for_everything(config) and _is_listed(path)


def check_names(items: Sequence[pytest.Item]) -> None:
    """Check that tests have the same names in every process: pytest-xdist runs none otherwise.

    Raises:
        pytest.UsageError: an object's address is in a name.
    """
    for item in items:
        if " at 0x" in item.nodeid:
            raise pytest.UsageError(f"{item.nodeid} has another name each time: give its parameters ids")


def mark(items: Sequence[pytest.Item]) -> None:
    """Mark the tests of the files and folders listed."""
    for item in items:
        if _is_listed(item.path):
            item.add_marker(pytest.mark.integration)


def sort_out(items: list[pytest.Item], config: pytest.Config) -> None:
    """Take the marked tests out of a run that is not for everything."""
    if is_for_everything(config):
        return
    config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("integration")])
    items[:] = [item for item in items if not item.get_closest_marker("integration")]


def report(config: pytest.Config) -> None:
    """Say what the run did not try, and how to try it."""
    terminal = config.pluginmanager.getplugin("terminalreporter")
    if terminal is None or is_for_everything(config):
        return
    needs = ", ".join(sorted(set(INTEGRATION.values()), key=str.lower))
    terminal.write_line(f"Left out: tests of {needs}.", yellow=True)
    terminal.write_line("To run them as well: pip install -e '.[dev]' && pytest --all", yellow=True)


def is_measured(item: pytest.Item) -> bool:
    """Tell whether coverage is measured of a test.

    Of the marked tests, only those of the stores reach code that no other does; measuring triples what a test costs.
    """
    places = _places(item.path)
    if not UNMEASURED.isdisjoint(places):
        return False
    return "tests/stores" in places or item.get_closest_marker("integration") is None


def _is_listed(path: Path) -> bool:
    return not INTEGRATION.keys().isdisjoint(_places(path))


@cache
def _places(path: Path) -> list[str]:
    """Return a file and the folders around it, within the project."""
    return [place.relative_to(ROOT).as_posix() for place in (path, *path.parents) if place.is_relative_to(ROOT)]
