from __future__ import annotations

import json
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import pytest

from benchmarks import contenders, peers, run as runs
from benchmarks.clients.load import Generator
from benchmarks.peers import Peers
from benchmarks.results import Missing, Reading, Sample
from benchmarks.run import Effort, Run
from benchmarks.scenarios import SCENARIOS
from benchmarks.servers import Server, ServerError
from tests.support.peer import PATIENCE
from tests.support.serving import free_port

REPOSITORY = Path(__file__).parents[2]


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=REPOSITORY,
    )


def test_a_scenario_runs_from_the_command_line_and_its_row_is_shown(tmp_path: Path) -> None:
    found = command("--quick", "--only", "pacing", "--json", f"{tmp_path}/it.json", "--plot", f"{tmp_path}/it.svg")
    assert found.returncode == 0, found.stderr
    assert "20-field action, streamed at 300 ms: reply" in found.stdout
    assert "pacing: round 1 of 1, ours" in found.stderr
    (row,) = json.loads((tmp_path / "it.json").read_text())["rows"]
    assert row["verdict"] in ("met", "not met")
    assert (tmp_path / "it.svg").read_text().startswith("<svg")


def test_help_names_every_scenario() -> None:
    told = command("--help").stdout
    assert all(name in told for name in SCENARIOS)


def test_contenders_take_turns_and_the_missing_stay_missing() -> None:
    turns: list[str] = []

    def measure(name: str) -> Reading:
        turns.append(name)
        return Reading(len(turns))

    def quiet(_: str) -> None:
        pass

    progress = runs.Progress()
    run = Run(Effort(rounds=2, seconds=0, warm_up=0, full=False), Generator(), progress, Peers(quiet))
    found = run.alternate({"a": lambda: measure("a"), "b": lambda: measure("b"), "c": Missing("gone")})
    assert turns == ["a", "b", "a", "b"]
    assert found == {"a": Sample((1, 3)), "b": Sample((2, 4)), "c": Missing("gone")}


def test_peers_that_cannot_be_installed_are_missing_and_nothing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise subprocess.CalledProcessError(1, "pip", stderr="trying\nERROR: no index can be reached\n")

    monkeypatch.setattr("benchmarks.peers.venv.create", lambda *_, **__: None)
    monkeypatch.setattr("benchmarks.peers.subprocess.run", fail)
    told: list[str] = []
    environment = Peers(told.append, tmp_path)
    assert environment.python == Missing("pip could not install the peers: ERROR: no index can be reached")
    assert contenders.flask(environment) == contenders.mcp(environment) == environment.python
    assert len(told) == 1


def test_peers_are_served_by_the_versions_that_serve_us() -> None:
    wanted = peers.requirements()
    assert {"handshake-prompt==0.2.0", f"uvicorn=={version('uvicorn')}"} <= set(wanted)


def test_a_server_that_ends_says_why() -> None:
    failing = Server("it", [sys.executable, "-c", "raise SystemExit('no reason')"], free_port())
    with pytest.raises(ServerError, match="no reason"), failing:
        pass


def test_a_server_is_stopped_with_what_it_started() -> None:
    port = free_port()
    listening = f"import subprocess, sys; subprocess.run([sys.executable, '-m', 'http.server', '{port}'])"
    with Server("it", [sys.executable, "-c", listening], port) as server:
        pids = server._pids()
        assert server.memory > 0
        assert server.cpu_seconds is not None
    assert len(pids) == 2
    until = time.monotonic() + PATIENCE
    while (left := [pid for pid in pids if _is_running(pid)]) and time.monotonic() < until:
        time.sleep(0.01)  # the system takes a moment to bury what was killed
    assert not left


def _is_running(pid: int) -> bool:
    try:
        return bool(Path(f"/proc/{pid}/cmdline").read_text())
    except OSError:
        return False
