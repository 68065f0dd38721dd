"""How many workers serve the application: read from the server's configuration, or from how it was started."""

from __future__ import annotations

import inspect
import logging
from types import FrameType, SimpleNamespace
from typing import Any

import pytest

from handshake_prompt import HandshakeApp, MemoryStore
from handshake_prompt.asgi.workers import configured_workers, worker_count


@pytest.mark.parametrize(
    ("argv", "environ", "count"),
    [
        pytest.param(["/usr/bin/uvicorn", "app:app", "--workers", "4"], {}, 4, id="uvicorn"),
        pytest.param(["/site-packages/uvicorn/__main__.py", "--workers=3"], {}, 3, id="python -m uvicorn"),
        pytest.param(["gunicorn", "-w", "2", "app:app"], {}, 2, id="gunicorn"),
        pytest.param(["uvicorn", "app:app"], {"WEB_CONCURRENCY": "5"}, 5, id="platform"),
        pytest.param(["uvicorn", "app:app"], {}, 1, id="one"),
        pytest.param(["gunicorn", "-w4", "app:app"], {}, 4, id="gunicorn, joined"),
        pytest.param(["gunicorn", "-w=4", "app:app"], {}, 4, id="gunicorn, equals"),
        pytest.param(["gunicorn", "app:app"], {"GUNICORN_CMD_ARGS": "--bind=:80 --workers=3"}, 3, id="gunicorn's own"),
        pytest.param(["gunicorn", "-w", "1", "a:b"], {"GUNICORN_CMD_ARGS": "-w 3"}, 1, id="gunicorn overridden"),
        pytest.param(["/opt/site-packages/gunicorn/__main__.py", "-w", "6"], {}, 6, id="python -m gunicorn"),
        pytest.param(["hypercorn", "-w", "3", "app:app"], {}, 3, id="hypercorn"),
        pytest.param(["/opt/hypercorn/__main__.py", "--workers=3"], {}, 3, id="python -m hypercorn"),
        pytest.param(["granian", "--interface", "asgi", "--workers", "2", "app:app"], {}, 2, id="granian"),
        pytest.param(["granian", "app:app"], {"GRANIAN_WORKERS": "2"}, 2, id="granian's own"),
        pytest.param(["uvicorn", "app:app"], {"UVICORN_WORKERS": "7"}, 7, id="uvicorn's own"),
        pytest.param(["gunicorn", "app:app"], {"UVICORN_WORKERS": "7"}, 1, id="another server's own"),
        pytest.param(["fastapi", "run", "main.py", "--workers", "4"], {}, 4, id="fastapi"),
        pytest.param(["C:\\venv\\Scripts\\fastapi.exe".replace("\\", "/"), "run", "--workers=4"], {}, 4, id="exe"),
        pytest.param(["litestar", "run", "-W", "4"], {}, 4, id="litestar"),
        pytest.param(["litestar", "run"], {"LITESTAR_WEB_CONCURRENCY": "4"}, 4, id="litestar's own"),
        pytest.param(["uvicorn", "--workers", "1"], {"WEB_CONCURRENCY": "5"}, 1, id="platform overridden"),
        pytest.param(["mytool", "--workers", "9"], {}, 1, id="another program's option"),
        pytest.param(["uvicorn", "--workers"], {"WEB_CONCURRENCY": "many"}, 1, id="nonsense"),
        pytest.param([], {}, 1, id="nothing"),
    ],
)
def test_number_of_workers_is_read_from_command_line_and_environment(
    argv: list[str], environ: dict[str, str], count: int
) -> None:
    assert worker_count(argv, environ) == count


def test_memory_store_warns_loudly_when_there_are_several_workers(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", "4")
    with caplog.at_level(logging.WARNING, "handshake_prompt"):
        HandshakeApp(store=MemoryStore())
    assert "4 workers" in caplog.text


def test_one_worker_is_no_reason_to_warn(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.delenv("WEB_CONCURRENCY", raising=False)
    HandshakeApp()
    assert not caplog.records


def asking_for(workers: int | None) -> SimpleNamespace:
    return SimpleNamespace(workers=workers)


def frame_of(module: str, **held: Any) -> FrameType:
    """Return the frame of a function of a module, which holds objects under names."""
    space: dict[str, Any] = {"__name__": module, "inspect": inspect}
    exec(f"def function({', '.join(held)}): return inspect.currentframe()", space)
    frame: FrameType = space["function"](**held)
    return frame


@pytest.mark.parametrize(
    ("frame", "count"),
    [
        pytest.param(frame_of("uvicorn.server", self=SimpleNamespace(config=asking_for(4))), 4, id="server"),
        pytest.param(frame_of("uvicorn._subprocess", config=asking_for(2)), 2, id="config"),
        pytest.param(frame_of("gunicorn.workers.base", self=SimpleNamespace(cfg=asking_for(3))), 3, id="cfg"),
        pytest.param(frame_of("granian.server.mp", self=asking_for(5)), 5, id="itself"),
        pytest.param(frame_of("uvicorn.server", self=SimpleNamespace(config=asking_for(1))), 1, id="one"),
        pytest.param(frame_of("theirs", self=asking_for(8)), None, id="no server"),
        pytest.param(frame_of("gunicorn.app", self=asking_for(None)), None, id="not said"),
        pytest.param(None, None, id="no stack"),
    ],
)
def test_number_of_workers_is_read_from_the_configuration_on_the_stack(frame: FrameType | None, count: int) -> None:
    assert configured_workers(frame) == count
