"""The suite itself: what is left out of a run, and what its surroundings may be."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.support.selection import INTEGRATION, ROOT

PYTEST = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
AN_INTERRUPT = ["tests/cli/test_watching.py", "-k", "interrupt_is_no_failure"]


def run(*arguments: str, before: str = "") -> str:
    """Run pytest as a shell does, after other commands of that shell, and return what it printed."""
    script = f'{before}\nexec "$@"'
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        ["/bin/sh", "-c", script, "sh", *PYTEST, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("place", INTEGRATION)
def test_a_place_that_is_left_out_is_one_that_exists(place: str) -> None:
    assert (ROOT / place).exists()


ALWAYS, LEFT_OUT = "tests/modes/test_modes.py", "tests/benchmarks/test_results.py"


def test_a_run_says_what_it_left_out() -> None:
    said = run("--collect-only", "-n0", "-o", f"testpaths={ALWAYS} {LEFT_OUT}")
    assert f"{ALWAYS}::" in said
    assert f"{LEFT_OUT}::" not in said
    assert all(need in said for need in INTEGRATION.values())
    assert said.rstrip().endswith("pytest --all")


@pytest.mark.parametrize(
    "asked",
    [["-n0", "--all", "-o", f"testpaths={LEFT_OUT}"], ["-n0", LEFT_OUT], ["-n1", LEFT_OUT]],
    ids=["all", "named", "named, in a process of its own"],
)
def test_what_is_asked_for_is_not_left_out(asked: list[str]) -> None:
    said = run("-vv", *asked)
    assert f"{LEFT_OUT}::" in said
    assert "Left out" not in said


def test_programs_can_be_interrupted_where_the_suite_runs_in_the_background() -> None:
    assert "2 passed" in run(*AN_INTERRUPT, before="trap '' INT")
