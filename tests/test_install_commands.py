"""Install commands in documents and errors: each works from a checkout, since no index has this version."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
COMMAND = re.compile(r"pip install ((?:-e )?(?:'[^']+'|[^\s`'\"&]+))")
SOURCES = [*ROOT.glob("*.md"), *(ROOT / "handshake_prompt").rglob("*.py"), *(ROOT / "handshake_prompt").rglob("*.md")]


def commands() -> Iterator[tuple[str, str]]:
    """Yield the name of the file and the target of each `pip install`."""
    for path in sorted(SOURCES):
        for command in COMMAND.findall(path.read_text("utf-8")):
            yield path.name, shlex.split(command)[-1]


@pytest.mark.parametrize("target", sorted({target for _, target in commands()}))
def test_what_is_told_to_be_installed_is_this_checkout_or_a_package_of_others(target: str) -> None:
    checkout = re.fullmatch(r"\.(?:\[([a-z,]+)\])?", target)
    if checkout:
        assert set((checkout[1] or "mcp").split(",")) <= EXTRAS.keys()
    else:
        assert not Requirement(target).name.startswith("handshake")


def test_errors_name_the_requirements_of_the_extras() -> None:
    named = {target for source, target in commands() if source.endswith(".py")}
    assert named >= {*EXTRAS["redis"], *EXTRAS["mcp"]}
