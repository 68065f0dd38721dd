from __future__ import annotations

import re
from typing import Any, NoReturn

import pytest

from handshake_prompt import HandshakeApp, ModeHandler, Role, Session
from handshake_prompt.modes import DEFAULT_HANDLERS
from handshake_prompt.protocol.errors import CloseCode
from tests.conftest import Open


class Broken(ModeHandler):
    """A host's mode with a bug: it can be opened, and neither read nor written."""

    def context_response(self, session: Session, role: Role) -> dict[str, Any]:
        raise RuntimeError("the host's secret")

    def process_notify(self, session: Session, key: str, value: object) -> NoReturn:
        raise RuntimeError("the host's secret")


@pytest.fixture
def hpp() -> HandshakeApp:
    return HandshakeApp(mode_handlers={**DEFAULT_HANDLERS, "broken": Broken()})


async def test_caller_gets_a_number_and_the_log_has_the_traceback_under_it(
    hpp: HandshakeApp, pair: Open, caplog: pytest.LogCaptureFixture
) -> None:
    peer = await pair(hpp, {"mode": "broken"})
    response = await peer.agent("GET", "context")
    number = re.search(r"under ([0-9a-f]{8})$", response.json()["detail"])

    assert (response.status_code, response.json()["code"]) == (500, "internal_error")
    assert number is not None
    assert f"[{number[1]}] A request to " in caplog.text
    assert "the host's secret" in caplog.text
    assert "secret" not in response.text


async def test_watcher_of_a_broken_mode_gets_the_number_too(
    hpp: HandshakeApp, pair: Open, caplog: pytest.LogCaptureFixture
) -> None:
    peer = await pair(hpp, {"mode": "broken"})
    async with peer.watch() as page:
        code, frames = await page.closed()

    number = frames[-1]["msg"].rpartition(" ")[2]
    assert code == CloseCode.INTERNAL
    assert f"[{number}] Session {peer.session_id} could not be opened" in caplog.text
