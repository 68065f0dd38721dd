"""`kill -9` at every await of a submission, on stores that outlive a worker: the host's function never runs again."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from handshake_prompt import Credential, HandshakeError, Limits, ProtocolEngine, SubmittedForm
from handshake_prompt.engine import submitting

LIMITS = Limits(submit_timeout=1.5)
WORKERS = """
import asyncio, json, os, signal, sys
from pathlib import Path
from handshake_prompt import Credential, Limits, ProtocolEngine, open_store
from handshake_prompt.engine import submitting
from tests.support.relay import RelayStore

url, folder = sys.argv[1:]
submitting.MARGIN = 0.1

async def work(session_id, user, digest, place):
    awaits = 0

    async def passing(_):
        nonlocal awaits
        if awaits == place:
            os.kill(os.getpid(), signal.SIGKILL)
        awaits += 1

    async def save(submission):
        await passing("host")
        with Path(folder, session_id).open("a") as file:
            file.write(submission.id + "\\n")
            os.fsync(file.fileno())
        await passing("host")
        return "taken"

    store = RelayStore(open_store(url))
    engine = ProtocolEngine(store=store, limits=Limits(submit_timeout=1.5))
    engine.on_submit(save)
    await store.ready()
    store.before = store.after = passing
    receipt = await engine.post_submit(session_id, {"digest": digest}, Credential(user_token=user))
    print(json.dumps([awaits, receipt.payload["ok"]]), flush=True)

for line in sys.stdin:
    child = os.fork()
    if not child:
        asyncio.run(work(*json.loads(line)))
        os._exit(0)
    if code := os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
        print(code, flush=True)
"""
"""Forks a worker for each line of its input, and prints how it ended: the awaits it passed, or its exit code."""


class Workers:
    """A loaded process, and the workers that it forks one after the other."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process, self._turn = process, asyncio.Lock()

    async def submit(self, session: dict[str, Any], place: int) -> Any:
        """Submit in a worker, which kills itself at its n-th await; return how it ended."""
        job = [session["sessionId"], session["userToken"], session["digest"], place]
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        async with self._turn, asyncio.timeout(60):
            self._process.stdin.write(json.dumps(job).encode() + b"\n")
            return json.loads(await self._process.stdout.readline())


@asynccontextmanager
async def workers(url: str, folder: Path) -> AsyncIterator[Workers]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WORKERS, url, str(folder), stdin=pipe, stdout=pipe, cwd=Path(__file__).parents[2]
    )
    try:
        yield Workers(process)
    finally:
        await process.communicate(b"")


@pytest.fixture(autouse=True)
def short_margin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submitting, "MARGIN", 0.1)


class Site:
    """A store that outlives its workers, forms in it, and lists of the host's runs."""

    def __init__(self, url: str, folder: Path) -> None:
        self.folder = folder
        self.engine = ProtocolEngine(store=url, limits=LIMITS)
        self.engine.on_submit(self.save)

    async def save(self, submission: SubmittedForm) -> None:
        with (self.folder / submission.session_id).open("a") as file:
            file.write(submission.id + "\n")

    def runs(self, session: dict[str, Any]) -> int:
        ran = self.folder / session["sessionId"]
        return len(ran.read_text().splitlines()) if ran.exists() else 0

    async def open(self) -> dict[str, Any]:
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

    async def answer_after_a_kill(self, session: dict[str, Any], place: int) -> str:
        """Submit again what a worker was killed in, until it is decided; return the answer."""
        answer = await self.submit(session)
        while answer == "submission_in_progress":
            await asyncio.sleep(0.1)
            answer = await self.submit(session)
        assert answer in ("done", "submission_unknown")
        assert self.runs(session) <= 1, f"killed at await {place}, it ran again"
        assert answer != "done" or self.runs(session) == 1
        return answer


async def test_a_worker_killed_at_any_await_leaves_open_done_or_unknown(store: str, tmp_path: Path) -> None:
    (ran := tmp_path / "ran").mkdir()
    site = Site(store, ran)
    async with aclosing(site.engine), workers(store, ran) as forked:
        awaits, taken = await forked.submit(session := await site.open(), 10**6)
        assert (taken, site.runs(session)) == (True, 1)

        async def killed(place: int) -> str:
            session = await site.open()
            assert await forked.submit(session, place) == -signal.SIGKILL
            return await site.answer_after_a_kill(session, place)

        answers = await asyncio.gather(*(killed(place) for place in range(awaits)))
    assert set(answers) == {"done", "submission_unknown"}
