"""The same agent, not a line of it changed, against our server and against the Flask server of version 0.2.0."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from handshake_prompt import HandshakeApp
from handshake_prompt.client import (
    BadReplyError,
    Change,
    CredentialRefusedError,
    HandshakeAgent,
    RateLimitedError,
    SessionEndedError,
)
from tests.support.agents import SESSION_ID, TOKEN
from tests.support.once import once
from tests.support.parts import absent
from tests.support.peer import PATIENCE, patient_client
from tests.support.serving import serving

RELEASE = "handshake-prompt==0.2.0"
SECONDS_TO_INSTALL = 600
SERVER = """
from flask import Flask, Response
from flask_sock import Sock
from werkzeug.serving import make_server
from handshake_prompt import HandshakeManager, __version__, build_prompt

assert __version__ == "0.2.0"
app = Flask("reference")
manager = HandshakeManager(app, Sock(app))
server = make_server("127.0.0.1", 0, app, threaded=True)
url = f"http://127.0.0.1:{server.server_port}"

@app.route("/prompt/<session_id>")
def prompt(session_id):
    return Response(build_prompt(manager.store.get(session_id), url), mimetype="text/plain")

print(url, flush=True)
server.serve_forever()
"""
FORM = {
    "mode": "form-fill",
    "schema": [
        {"key": "name", "type": "string", "required": True},
        {"key": "age", "type": "integer"},
        {"key": "plan", "type": "enum", "options": [{"value": "basic"}, {"value": "pro"}]},
    ],
    "prompt": True,
}


@dataclass
class Page:
    """The person's side, as a page of version 0.2 has it: cookies, and no more than that."""

    http: httpx.AsyncClient
    created: dict[str, Any]
    prompt: str

    async def edit(self, key: str, value: Any) -> None:
        response = await self.http.post(self.created["notifyUrl"], json={"key": key, "value": value})
        assert response.status_code == 200, response.text


@pytest.fixture(scope="session")
def reference_python(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return an interpreter that has the release and not this package. It is made once and kept."""
    if named := os.environ.get("HPP_REFERENCE_PYTHON"):
        return named
    cache = getattr(request.config, "cache", None)  # not there where the plugin is switched off
    kept = cache.mkdir("reference-0.2.0") if cache else once(tmp_path_factory, "reference", lambda _: None)
    python = str(Path(kept) / "bin" / "python")

    def install(_: Path) -> None:
        if not _has_release(python):
            for step in (
                [sys.executable, "-m", "venv", str(kept)],
                [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", RELEASE],
            ):
                subprocess.run(step, check=True, capture_output=True, timeout=SECONDS_TO_INSTALL)

    try:
        once(tmp_path_factory, "reference installed", install)
    except (subprocess.SubprocessError, OSError) as error:
        absent(RELEASE, f"pip has to reach an index, or set HPP_REFERENCE_PYTHON ({type(error).__name__})")
    return python


def _has_release(python: str) -> bool:
    if not Path(python).exists():
        return False
    return subprocess.run([python, "-I", "-c", "import handshake_prompt"], check=False).returncode == 0


@pytest.fixture(scope="session")
def reference_url(reference_python: str) -> Iterator[str]:
    """Serve the release in a process of its own; nothing of this checkout is on its path."""
    command = [reference_python, "-I", "-c", SERVER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert url.startswith("http://127.0.0.1:"), "the reference server did not start"
            yield url
        finally:
            process.kill()


@pytest.fixture(params=["ours", "reference"])
async def server_url(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    if request.param == "reference":
        yield request.getfixturevalue("reference_url")
        return
    host = Starlette()
    HandshakeApp().mount_on(host)
    async with serving(host) as url:
        yield url


@pytest.fixture
async def page(server_url: str) -> AsyncIterator[Page]:
    async with paired(server_url, FORM) as found:
        yield found


@asynccontextmanager
async def paired(url: str, form: dict[str, Any]) -> AsyncIterator[Page]:
    """Open a session as a page does that knows only version 0.2."""
    async with patient_client(base_url=url) as http:
        created = (await http.post("/handshake/session", json=form)).json()
        prompt = created.get("prompt") or (await http.get(f"/prompt/{created['sessionId']}")).text
        yield Page(http, created, prompt)


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Poll and repeat more often than one would."""
    monkeypatch.setattr("handshake_prompt.client.polling.POLL_INTERVAL", 0.02)
    monkeypatch.setattr("handshake_prompt.client.http.FIRST_PAUSE", 0.01)


async def test_an_agent_reads_writes_and_extends_with_the_prompt_alone(page: Page) -> None:
    await page.edit("age", 36)
    async with HandshakeAgent.from_prompt(page.prompt, name="Claude") as agent:
        before = await agent.get_context()
        reply = await agent.action({"name": "Ada", "age": 40, "plan": "gold"}, interval_ms=0)
        after = await agent.get_context()
        assert (await agent.extend(60))["extended"] == 60
    assert before["missing"] == ["name"]
    assert (reply["applied"], reply["rejected"]) == (["name"], ["age"])
    assert [error["key"] for error in reply["errors"]] == ["plan"]
    assert {key: (record["value"], record["by"]) for key, record in after["context"].items()} == {
        "name": ("Ada", "ai"),
        "age": (36, "user"),
    }


async def test_what_changed_is_listed_and_told_once_and_in_order(page: Page) -> None:
    async with HandshakeAgent.from_prompt(page.prompt) as agent:
        changes = agent.changes()
        first = asyncio.ensure_future(anext(changes))
        async with asyncio.timeout(PATIENCE):
            await page.edit("age", 0)
            while not first.done():  # until it follows, an edit may be older than its first look
                await page.edit("age", 0)
                await asyncio.sleep(0.02)
            for age in range(1, 6):
                await page.edit("age", age)
                await agent.action({"name": f"Ada {age}"}, stream=False)
            told = []
            while ("name", "Ada 5") not in told:
                change = await anext(changes)
                assert isinstance(change, Change)
                told.append((change.key, change.value))
        place = changes.cursor
        await page.edit("age", 6)
        listed = (await agent.get_diff(place))["changes"]
        again = await asyncio.wait_for(anext(agent.changes(place)), PATIENCE)
    wanted = [entry for age in range(1, 6) for entry in (("age", age), ("name", f"Ada {age}"))]
    assert [entry for entry in told if entry != ("age", 0)] == wanted
    assert [(change["key"], change["to"]) for change in listed] == [("age", 6)]
    assert isinstance(again, Change)
    assert (again.key, again.value, again.by_person) == ("age", 6, True)


async def test_mode_default_is_read_and_written_too(server_url: str) -> None:
    async with (
        paired(server_url, {"context": {"on": False}, "prompt": True}) as page,
        HandshakeAgent.from_prompt(page.prompt) as agent,
    ):
        assert (await agent.action([{"key": "on", "value": True}]))["applied"] == ["on"]
        assert (await agent.get_context())["data"] == {"on": True}


async def test_refusals_are_the_same_errors(page: Page) -> None:
    """But for an unknown session: of that a stranger is told no more than of any other, where version 0.2 said 404."""
    base_url = str(page.http.base_url)
    unknown = CredentialRefusedError if "eventsUrl" in page.created else SessionEndedError
    async with HandshakeAgent(page.created["sessionId"], TOKEN, base_url) as agent:
        with pytest.raises(CredentialRefusedError) as wrong:
            await agent.get_context()
    async with HandshakeAgent(SESSION_ID, TOKEN, base_url) as agent:
        with pytest.raises(unknown):
            await agent.get_context()
        with pytest.raises(unknown):
            await anext(agent.changes())
    assert wrong.value.code == "invalid_token"
    async with HandshakeAgent.from_prompt(page.prompt) as agent:
        for _ in range(60):
            await agent.get_diff()
        with pytest.raises(RateLimitedError) as often:
            await agent.get_diff()
    assert often.value.retryable


async def test_version_0_2_may_take_its_time_to_show_a_batch(reference_url: str) -> None:
    async with paired(reference_url, FORM) as page, HandshakeAgent.from_prompt(page.prompt, timeout=1.9) as agent:
        reply = await agent.action({"name": "Ada", "age": 36}, interval_ms=1000)
    assert reply["applied"] == ["name", "age"]


async def test_version_0_2_has_no_markdown(reference_url: str) -> None:
    async with paired(reference_url, FORM) as page, HandshakeAgent.from_prompt(page.prompt) as agent:
        with pytest.raises(BadReplyError) as caught:
            await agent.get_context(markdown=True)
    assert caught.value.code == "no_markdown"
