from __future__ import annotations

import logging

import pytest

from handshake_prompt import HandshakeApp, MemoryStore
from handshake_prompt.asgi.workers import worker_count


@pytest.mark.parametrize(
    ("argv", "environ", "count"),
    [
        pytest.param(["/usr/bin/uvicorn", "app:app", "--workers", "4"], {}, 4, id="uvicorn"),
        pytest.param(["/site-packages/uvicorn/__main__.py", "--workers=3"], {}, 3, id="python -m uvicorn"),
        pytest.param(["gunicorn", "-w", "2", "app:app"], {}, 2, id="gunicorn"),
        pytest.param(["uvicorn", "app:app"], {"WEB_CONCURRENCY": "5"}, 5, id="platform"),
        pytest.param(["uvicorn", "app:app"], {}, 1, id="one"),
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
