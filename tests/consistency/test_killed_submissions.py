"""`kill -9` at every await of a submission, on stores that outlive a worker: the host's function never runs again."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from handshake_prompt import Credential, HandshakeError, Limits, ProtocolEngine, SubmittedForm
from handshake_prompt.engine import submitting

LIMITS = Limits(submit_timeout=0.4)
WORKER = """
import asyncio, json, os, signal, sys
from pathlib import Path
from handshake_prompt import Credential, Limits, ProtocolEngine, open_store
from handshake_prompt.engine import submitting
from tests.support.relay import RelayStore

url, session_id, user, digest, place, ran = sys.argv[1:]
awaits, submitting.MARGIN = 0, 0.1

async def passing(_):
    global awaits
    if awaits == int(place):
        os.kill(os.getpid(), signal.SIGKILL)
    awaits += 1

async def save(submission):
    await passing("host")
    with Path(ran).open("a") as file:
        file.write(submission.id + "\\n")
        os.fsync(file.fileno())
    await passing("host")
    return "taken"

async def work():
    store = RelayStore(open_store(url))
    engine = ProtocolEngine(store=store, limits=Limits(submit_timeout=0.4))
    engine.on_submit(save)
    await store.ready()
    store.before = store.after = passing
    receipt = await engine.post_submit(session_id, {"digest": digest}, Credential(user_token=user))
    print(json.dumps([awaits, receipt.payload["ok"]]))

asyncio.run(work())
"""


@pytest.fixture(autouse=True)
def short_margin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submitting, "MARGIN", 0.1)


class Site:
    """A store that outlives its workers, one form in it, and a list of the host's runs."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.ran = folder / "ran"
        self.engine = ProtocolEngine(store=url, limits=LIMITS)
        self.engine.on_submit(self.save)

    async def save(self, submission: SubmittedForm) -> None:
        with self.ran.open("a") as file:
            file.write(submission.id + "\n")

    def runs(self) -> int:
        return len(self.ran.read_text().splitlines()) if self.ran.exists() else 0

    async def open(self) -> dict[str, Any]:
        self.ran.unlink(missing_ok=True)
        created = (await self.engine.create_session({"userToken": True, "context": {"name": "Ada"}})).payload
        context = await self.engine.get_context(created["sessionId"], Credential(user_token=created["userToken"]))
        return created | {"digest": context.payload["digest"]}

    async def submit(self, session: dict[str, Any]) -> str:
        user = Credential(user_token=session["userToken"])
        work = self.engine.post_submit(session["sessionId"], {"digest": session["digest"]}, user)
        answer = (await asyncio.gather(work, return_exceptions=True))[0]
        if isinstance(answer, HandshakeError):
            return answer.code
        assert not isinstance(answer, BaseException), answer
        return "done"

    async def in_a_worker(self, session: dict[str, Any], place: int) -> tuple[int, str]:
        """Submit in a process of its own, which kills itself at its n-th await; return its exit and what it said."""
        names = (session["sessionId"], session["userToken"], session["digest"], str(place), str(self.ran))
        worker = await asyncio.create_subprocess_exec(
            sys.executable, "-c", WORKER, self.url, *names, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
        )
        said, _ = await asyncio.wait_for(worker.communicate(), 30)
        assert worker.returncode is not None
        return worker.returncode, said.decode()


async def test_a_worker_killed_at_any_await_leaves_open_done_or_unknown(store: str, tmp_path: Path) -> None:
    site, seen = Site(store, tmp_path), set()
    code, said = await site.in_a_worker(await site.open(), 10**6)
    awaits, taken = json.loads(said)
    assert (code, taken, site.runs()) == (0, True, 1)
    for place in range(awaits):
        session = await site.open()
        code, _ = await site.in_a_worker(session, place)
        assert code == -signal.SIGKILL
        ran = site.runs()
        answer = await site.submit(session)
        while answer == "submission_in_progress":
            await asyncio.sleep(0.1)
            answer = await site.submit(session)
        assert answer in ("done", "submission_unknown")
        assert site.runs() <= 1, f"killed at await {place}, it ran again"
        assert answer != "done" or site.runs() == 1
        seen.add((answer, ran))
    assert {answer for answer, _ in seen} == {"done", "submission_unknown"}
    await site.engine.aclose()
