"""Clients of all kinds that use a few sessions of several workers at the same time, and record all they are told.

Every request goes to a worker chosen at random. Agents repeat what has an unknown outcome under the same idempotency
key, pages edit through their sockets, and watchers that are cut off resume at another worker from where they were. No
client waits for anything without a bound, so a load always comes to its end.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Self

import httpx
from websockets.exceptions import ConnectionClosed, WebSocketException

from tests.support.checker import check
from tests.support.history import Connection, FrameQueue, History, Members, Operation, Outcome, place
from tests.support.peer import Peer, Socket, open_session
from tests.support.stalls import Stalls, noting_stalls
from tests.support.workers import ROOMY, Worker

KEYS = tuple("abcdef")
FORM = {
    "mode": "form-fill",
    "schema": [{"key": key, "type": "string", "required": key < "c"} for key in KEYS],
    "context": {"a": "the person's"},
    "defaults": {"b": "open"},
}
PLAIN = {"data": {"a": "open", "b": "open"}}
BODIES: Sequence[Members] = (PLAIN, FORM)
"""What sessions are opened with, in turn: both ways in which authorship starts out."""

TIMEOUT = 6.0
"""Seconds after which a client gives a request up; a server has to answer earlier."""
HASTE = 0.02
"""Seconds at most that a hasty agent waits for an answer before it asks again, under the same key."""
PERSISTENCE = 15.0
"""Seconds for which a request is repeated under its key: longer than any fault lasts."""
LONGEST = 180.0
"""Seconds that a load may take beyond its own: far more than it does, so that a test fails rather than hangs."""
SETTLE = 30.0
"""Seconds in which everything has to have come to rest: a lost wake-up takes up to 5."""
UNCERTAIN = frozenset({"store_unavailable", "unavailable", "internal_error"})
"""Codes of frames that do not tell whether the edit was stored."""
EXPECTED_FRAMES = frozenset({"store_unavailable", "version_conflict"})
LONGEST_ABSENCE = 0.5
"""Seconds for which a restless watcher stays away."""
MUCH = 2 * int(ROOMY["replay_events"])
AWAY = (OSError, TimeoutError, WebSocketException, EOFError)
"""What a peer that is not there looks like."""


@dataclass
class Subject:
    """One session under load."""

    peer: Peer
    history: History
    cursor: str
    """Where its poller is."""
    revs: dict[str, int] = field(default_factory=dict)
    """Revisions that agents last heard of."""
    viewers: list[Viewer] = field(default_factory=list)

    def at(self, url: str) -> Peer:
        """Return its peer as a client of one worker."""
        return replace(self.peer, base_url=url)


class Viewer:
    """A page that watches, and may edit through its socket; cut off, it resumes at another worker.

    Args:
        restless: seconds after which it reconnects of itself, on average; 0 for never.
    """

    def __init__(self, load: Load, subject: Subject, name: str, *, restless: float = 0.0) -> None:
        self.name = name
        self.record = FrameQueue(name, "user")
        self._load = load
        self._subject = subject
        self._restless = restless
        self._socket: Socket | None = None
        self._url = load.somewhere()
        self._asked: dict[str, tuple[Operation, asyncio.Event]] = {}
        self._seen = 0

    async def run(self) -> None:
        """Watcher until cancelled, or sent away for good."""
        while not (self.record.connections and self.record.connections[-1].code in range(4400, 4500)):
            await self._stay_away()
            try:
                await self._connect()
            except AWAY:
                await asyncio.sleep(0.02)

    async def edit(self, kind: str, asked: Members) -> Outcome | None:
        """Send an edit or a release and wait for its answer; None if there is no connection."""
        if self._socket is None:
            return None
        connection = self.record.connections[-1].number
        operation = self._subject.history.begin(self.name, kind, asked, role="user", connection=connection)
        answered, ref = asyncio.Event(), str(next(self._load.numbers))
        self._asked[ref] = operation, answered
        try:
            message = {"type": "userEdit" if kind == "edit" else "release", "ref": ref, **asked}
            async with asyncio.timeout(TIMEOUT):
                await self._socket.send(message)
                await answered.wait()
        except AWAY:
            operation.lose()
        finally:
            self._asked.pop(ref, None)
        return operation.outcome

    def has_seen(self, seq: int) -> bool:
        """Whether it was shown, or itself wrote, the event of a place."""
        return self._seen >= seq

    async def _stay_away(self) -> None:
        """Choose where to connect next, and when; who is restless misses more than is replayed to it once."""
        self._url = self._load.somewhere(other_than=self._url)
        if self._restless and len(self.record.connections) == 1:
            self._url = self._load.urls[0]
            deadline = time.monotonic() + TIMEOUT
            while not self._has_missed_much() and time.monotonic() < deadline:
                await asyncio.sleep(0.01)
        elif self._restless:
            await asyncio.sleep(self._load.chance.uniform(0, LONGEST_ABSENCE))

    def _has_missed_much(self) -> bool:
        return self._load.over or any(other.has_seen(self._seen + MUCH) for other in self._subject.viewers)

    async def _connect(self) -> None:
        connections = self.record.connections
        after = next((one.cursor for one in reversed(connections) if one.cursor), None)
        connection = Connection(next(self._load.numbers), self._url, after)
        async with self._subject.at(self._url).watch(after=after, at_once=True) as socket:
            connections.append(connection)
            try:
                async with asyncio.timeout(self._patience()):
                    await self._listen(socket, connection)
            except (ConnectionClosed, TimeoutError):
                pass
            finally:
                self._socket = None
                for _, answered in self._asked.values():
                    answered.set()
                if self._restless and socket.connection.close_code is None:
                    socket.connection.transport.abort()
        connection.code = socket.connection.close_code

    def _patience(self) -> float | None:
        return self._load.chance.expovariate(1 / self._restless) if self._restless else None

    async def _listen(self, socket: Socket, connection: Connection) -> None:
        async for text in socket.connection:
            shown: Members = json.loads(text)
            connection.frames.append(shown)
            if shown["type"] == "connected":
                self._socket = socket
            if "cursor" in shown:
                self._seen = max(self._seen, place(shown["cursor"]).seq)
            elif shown["type"] in ("ack", "error"):
                self._conclude(shown)

    def _conclude(self, answer: Members) -> None:
        operation, answered = self._asked.get(str(answer.get("ref")), (None, None))
        if operation is None or answered is None:
            return
        if answer["type"] == "ack":
            operation.succeed(answer)
            self._seen = max(self._seen, answer["seq"])
        else:
            operation.fail(503 if answer["code"] in UNCERTAIN else 400, answer)
            if answer["code"] not in EXPECTED_FRAMES:
                self._load.complaints.append(f"{self.name} was answered {answer}")
        answered.set()


ENOUGH = 20
During = Callable[["Load"], Awaitable[object]]
Enough = Callable[["Load"], bool]


class Load:
    """Clients at work on a few sessions, as an async context manager.

    Args:
        urls: of the workers; the last one has to replay logs of any length.
        sessions: how many they share.
        seed: of all chance in it.
        restless: seconds after which a watcher reconnects of itself, on average; 0 for never.
        hasty: the share of requests under a key that are given up at once, and then repeated.
        unavailable: whether 503 is an answer to be expected.
    """

    def __init__(
        self,
        urls: Sequence[str],
        *,
        sessions: int = 3,
        seed: int = 1,
        restless: float = 3.0,
        hasty: float = 0.2,
        unavailable: bool = False,
    ) -> None:
        self.urls = urls
        self.chance = random.Random(seed)
        self.numbers = itertools.count(1)
        self.subjects: list[Subject] = []
        self.pinned: str | None = None
        """The only worker that anything is sent to, if there is one."""
        self.complaints: list[str] = []
        """What no server may answer, whatever happens to it."""
        self.stalls = Stalls()
        """How late the machine was meanwhile."""
        self.rested_after = 0.0
        """Seconds that the slowest watcher needed to be shown the last write."""
        self.violations: list[str] = []
        """What is found in the end."""
        self._sessions = sessions
        self._restless = restless
        self._hasty = hasty
        self._unavailable = unavailable
        self.over = False
        """Whether the clients have been told to stop."""
        self._busy = 0
        self._gate = asyncio.Event()
        self._gate.set()
        self._stack = AsyncExitStack()
        self._watching: list[asyncio.Task[None]] = []

    def somewhere(self, *, other_than: str | None = None) -> str:
        """Return the URL of a worker."""
        others = [url for url in self.urls if url != other_than]
        return self.pinned or self.chance.choice(others or self.urls)

    async def __aenter__(self) -> Self:
        await self._stack.__aenter__()
        self.stalls = await self._stack.enter_async_context(noting_stalls())
        self._http = await self._stack.enter_async_context(httpx.AsyncClient(timeout=TIMEOUT, verify=False))
        for number in range(self._sessions):
            self.subjects.append(await self._open(BODIES[number % len(BODIES)]))
        for subject in self.subjects:
            subject.viewers = [
                Viewer(self, subject, name, restless=restless)
                for name, restless in (("watcher 0", 0.0), ("watcher 1", self._restless), ("page", self._restless * 2))
            ]
            subject.history.watchers = [viewer.record for viewer in subject.viewers]
        viewers = [viewer for subject in self.subjects for viewer in subject.viewers]
        self._watching = [asyncio.create_task(viewer.run()) for viewer in viewers]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.over = True
        for task in self._watching:
            task.cancel()
        await asyncio.gather(*self._watching, return_exceptions=True)
        await self._stack.__aexit__(kind, error, trace)

    async def run(self, seconds: float, during: During | None = None, *, enough: Enough | None = None) -> None:
        """Let the clients work for some time, for as long as what happens `during` it takes, and until it is `enough`.

        Enough are twenty batches of actions, unless said otherwise.
        """
        clients: list[Callable[[str], Awaitable[None]]] = [
            *[self._agent] * 3,
            self._person,
            self._page,
            self._extender,
            self._reader,
            self._poller,
        ]
        self.over = False
        async with asyncio.TaskGroup() as group:
            for number, client in enumerate(clients):
                group.create_task(self._repeat(client, f"{client.__name__.strip('_')} {number}"))
            await asyncio.gather(asyncio.sleep(seconds), during(self) if during else asyncio.sleep(0))
            while not (enough(self) if enough else self.count("act") >= ENOUGH):
                await asyncio.sleep(0.1)
            self.over = True

    @asynccontextmanager
    async def hush(self) -> AsyncIterator[None]:
        """Have no client do anything while the block runs."""
        self._gate.clear()
        while self._busy:
            await asyncio.sleep(0.005)
        try:
            yield
        finally:
            self._gate.set()

    async def settle(self) -> None:
        """Let everything come to rest and find all violations of all sessions."""
        await asyncio.gather(*map(self._settle, self.subjects))
        for task in self._watching:
            task.cancel()
        await asyncio.gather(*self._watching, return_exceptions=True)
        for subject in self.subjects:
            subject.history.log = await self._log(subject)
        found = [violation for subject in self.subjects for violation in check(subject.history)]
        self.violations = found + self.complaints

    def operations(self, *kinds: str) -> list[Operation]:
        """Return what was done, in all sessions."""
        everything = (operation for subject in self.subjects for operation in subject.history.operations)
        return [operation for operation in everything if not kinds or operation.kind in kinds]

    def count(self, kind: str, outcome: Outcome = Outcome.OK) -> int:
        """Return how many operations of a kind ended in an outcome."""
        return sum(operation.outcome is outcome for operation in self.operations(kind))

    @property
    def logs(self) -> list[list[Members]]:
        """The sessions' logs, once everything has come to rest."""
        return [subject.history.log for subject in self.subjects]

    @property
    def watchers(self) -> list[FrameQueue]:
        """What all watchers were shown."""
        return [viewer.record for subject in self.subjects for viewer in subject.viewers]

    def repeated(self) -> int:
        """Return how many requests were answered when they were repeated under their key."""
        answered = {one.key for one in self.operations("act") if one.outcome is Outcome.OK}
        return len(answered & {one.key for one in self.operations("act") if one.outcome is Outcome.UNKNOWN and one.key})

    def resumed(self, *, recovered: bool = True) -> int:
        """Return how often a watcher resumed at another worker, or was given a snapshot there."""
        links = (link for watcher in self.watchers for link in watcher.connections)
        return sum(link.admitted and bool(link.asked) and link.frames[0]["recovered"] is recovered for link in links)

    # Clients

    async def _repeat(self, client: Callable[[str], Awaitable[None]], name: str) -> None:
        while not self.over:
            await self._gate.wait()
            self._busy += 1
            await client(name)
            self._busy -= 1

    async def _agent(self, name: str) -> None:
        subject = self._any()
        actions = [self._action(subject) for _ in range(self.chance.randint(1, 3))]
        asked = {"actions": actions, "stream": False}
        if self.chance.random() < 0.1:
            await self._post(subject, name, "edit", {"key": "a", "value": self._value()}, role="agent")
        if self.chance.random() < 0.2:
            await self._post(subject, name, "act", asked, role="agent")
            return
        key = f"key-{next(self.numbers)}"
        deadline = time.monotonic() + PERSISTENCE
        hasty = {"timeout": self.chance.uniform(0, HASTE)} if self.chance.random() < self._hasty else {}
        while time.monotonic() < deadline:
            outcome = await self._post(subject, name, "act", asked, role="agent", key=key, **hasty)
            if outcome in (Outcome.OK, Outcome.REFUSED):
                return
            await asyncio.sleep(self.chance.uniform(0, 0.3) if not hasty else 0)
            hasty = {}

    def _action(self, subject: Subject) -> Members:
        key = self.chance.choice(KEYS)
        action: Members = {"type": "set", "key": key, "value": self._value()}
        if self.chance.random() < 0.2:
            action["ifRev"] = subject.revs.get(key, 0)
        return action

    async def _person(self, name: str) -> None:
        asked: Members = {"key": self.chance.choice(KEYS)}
        if self.chance.random() < 0.5:
            await self._post(self._any(), name, "release", asked | {"release": True}, role="user")
        else:
            await self._post(self._any(), name, "edit", asked | {"value": self._value()}, role="user")

    async def _page(self, _: str) -> None:
        viewer = self._any().viewers[-1]
        asked: Members = {"key": self.chance.choice(KEYS)}
        if self.chance.random() < 0.5:
            outcome = await viewer.edit("release", asked)
        else:
            outcome = await viewer.edit("edit", asked | {"value": self._value()})
        await asyncio.sleep(0.05 if outcome is not Outcome.OK else 0)

    async def _extender(self, name: str) -> None:
        asked = {"extraSeconds": self.chance.randint(120, 300)}
        await self._post(self._any(), name, "extend", asked, role=self.chance.choice(["agent", "user"]))
        await asyncio.sleep(self.chance.uniform(0, 0.2))

    async def _reader(self, name: str) -> None:
        await self._get(self._any(), name, "context", {}, role=self.chance.choice(["agent", "user"]))

    async def _poller(self, name: str) -> None:
        subject = self._any()
        asked = {"since": subject.cursor}
        wait = {"wait": "0.3"} if self.chance.random() < 0.5 else {}
        role = self.chance.choice(["agent", "user"])
        operation = await self._get(subject, name, "diff", asked, role=role, params=asked | wait)
        if operation is not None and operation.outcome is Outcome.OK:
            subject.cursor = operation.reply["cursor"]

    def _any(self) -> Subject:
        return self.chance.choice(self.subjects)

    def _value(self) -> str:
        return f"value {next(self.numbers)}"

    # Requests

    async def _post(
        self,
        subject: Subject,
        client: str,
        kind: str,
        asked: Members,
        *,
        role: str,
        key: str | None = None,
        **options: Any,
    ) -> Outcome | None:
        """Send a write; None if it could not be sent."""
        name = {"act": "action", "extend": "extend"}.get(kind, "notify")
        operation = subject.history.begin(client, kind, asked, role=role, key=key)
        headers = {"Idempotency-Key": key} if key else {}
        return await self._send(subject, operation, "POST", name, json=asked, headers=headers, **options)

    async def _get(
        self, subject: Subject, client: str, kind: str, asked: Members, *, role: str, **options: Any
    ) -> Operation | None:
        operation = subject.history.begin(client, kind, asked, role=role)
        outcome = await self._send(subject, operation, "GET", kind, **options)
        return operation if outcome is not None else None

    async def _send(
        self, subject: Subject, operation: Operation, method: str, name: str, **options: Any
    ) -> Outcome | None:
        peer = subject.peer
        proof = peer.as_agent if operation.role == "agent" else peer.as_user
        headers = options.pop("headers", {}) | proof
        url = self.somewhere() + peer.created[f"{name}Url"]
        try:
            response = await self._http.request(method, url, headers=headers, **options)
        except (httpx.ConnectError, httpx.ConnectTimeout):  # it was never sent, so nothing can have come of it
            subject.history.operations.remove(operation)
            await asyncio.sleep(0.02)
            return None
        except httpx.HTTPError:
            operation.lose()
            return operation.outcome
        if response.status_code == 200:
            operation.succeed(response.json())
            subject.revs.update(_revisions(operation.reply))
        else:
            operation.fail(response.status_code, response.json())
            self._judge(operation, response)
            await asyncio.sleep(0.02)
        return operation.outcome

    def _judge(self, operation: Operation, response: httpx.Response) -> None:
        """Complain of answers that nobody should ever get."""
        expected = {403, 409} | ({503} if self._unavailable else set())
        if response.status_code not in expected:
            self.complaints.append(f"{operation.client} was answered {response.status_code}: {response.text}")
        if response.status_code == 503 and "retry-after" not in response.headers:
            self.complaints.append(f"{operation.client} was answered 503 without Retry-After: {response.text}")

    # Beginning and end

    async def _open(self, body: Members) -> Subject:
        opened = time.monotonic()
        peer = await open_session(self.urls[0], body)
        self._stack.push_async_callback(peer.http.aclose)
        initial = (await peer.context(role="user"))["context"]
        cursor = peer.created["cursor"]
        history = History(peer.session_id, place(cursor).epoch, opened, peer.created["expiresIn"], initial)
        return Subject(peer, history, cursor)

    async def _settle(self, subject: Subject) -> None:
        """Write once more, read how things stand, and wait until every watcher has seen it."""
        deadline = time.monotonic() + SETTLE
        end = {"key": KEYS[0], "value": self._value()}
        while await self._post(subject, "settler", "edit", end, role="user") is not Outcome.OK:
            end = end | {"value": self._value()}
            if time.monotonic() > deadline:
                raise TimeoutError(f"A session cannot be written any more: {self.complaints[-3:]}")
        subject.history.final = await self._read_last(subject, deadline)
        subject.history.settled = time.monotonic()
        seq = place(subject.history.final["cursor"]).seq
        deadline = time.monotonic() + SETTLE
        while not all(viewer.has_seen(seq) for viewer in subject.viewers) and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        self.rested_after = max(self.rested_after, time.monotonic() - subject.history.settled)

    async def _read_last(self, subject: Subject, deadline: float) -> Members:
        """Return how things stand, at a worker that may not know yet that the store is back."""
        while True:
            response = await subject.at(self.urls[-1]).user("GET", "context")
            if response.status_code == 503 and time.monotonic() < deadline:
                await asyncio.sleep(0.1)
                continue
            assert response.status_code == 200, response.text
            members: Members = response.json()
            return members

    async def _log(self, subject: Subject) -> list[Members]:
        """Return the whole log, as a watcher is sent it that was there before all of it and comes back now."""
        history = subject.history
        log: list[Members] = []
        async with subject.at(self.urls[-1]).watch(role="user", after=f"{history.epoch}.0") as socket:
            opening = await socket.next("connected")
            if not opening["recovered"]:
                self.complaints.append(f"the log of {history.session_id} is not whole")
                return log
            while len(log) < place(history.final["cursor"]).seq:
                frame = await socket.next()
                if "cursor" in frame:
                    log.append(frame)
        return log


async def put_under_load(
    workers: Sequence[Worker],
    seconds: float,
    during: During | None = None,
    *,
    enough: Enough | None = None,
    **options: Any,
) -> Load:
    """Return what came of a load on workers: see `Load`, and its `violations`."""
    async with asyncio.timeout(seconds + LONGEST), Load([worker.url for worker in workers], **options) as load:
        await load.run(seconds, during, enough=enough)
        await load.settle()
    return load


def _revisions(reply: Members) -> dict[str, int]:
    """Return the revisions that the reply to a batch tells of."""
    told = {result["key"]: result.get("seq") or result["current"]["rev"] for result in reply.get("results", ())}
    return {key: rev for key, rev in told.items() if isinstance(rev, int)}
