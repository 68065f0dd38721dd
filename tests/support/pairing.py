"""A session as the engine's callers see it, with no transport in between."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from handshake_prompt import Credential, HandshakeError, Limits, MemoryStore, ProtocolEngine, Reply, Role, Session
from handshake_prompt.engine import Statistics
from handshake_prompt.engine.delivery.watcher import Watcher
from handshake_prompt.protocol.events import Event
from handshake_prompt.stores import Record
from tests.support.relay import RelayStore
from tests.support.sessions import log_of, record_of
from tests.support.virtual_time import loop_time

REST = Statistics(watchers=0, locks=0, running=0)
"""An engine with nothing under way."""
STEPS = 50
"""Steps of the event loop in which what is due arrives; in time, it depends on the machine how many there are."""
OPERATIONS = ["status", "context", "diff", "watch", "extend", "action", "notify", "rotate", "revoke", "ask", "paste"]


async def refusal(work: Awaitable[object]) -> HandshakeError:
    """Return the error that `work` ends with."""
    with pytest.raises(HandshakeError) as raised:
        await work
    return raised.value


async def code_of(work: Awaitable[object]) -> tuple[int, str]:
    """Return status and code of the error that `work` ends with."""
    error = await refusal(work)
    return error.status, error.code


def virtual_engine(limits: Limits | None = None, **options: Any) -> ProtocolEngine:
    """Return an engine whose sessions live on the running loop's time, over a store that tests can get in between."""
    return ProtocolEngine(store=RelayStore(MemoryStore(limits, clock=loop_time)), limits=limits, **options)


@dataclass
class Pair:
    """A session, its agent and its person."""

    engine: ProtocolEngine
    created: dict[str, Any]

    @property
    def session_id(self) -> str:
        return str(self.created["sessionId"])

    @property
    def store(self) -> RelayStore:
        assert isinstance(self.engine.store, RelayStore)
        return self.engine.store

    @property
    def agent(self) -> Credential:
        return Credential(token=self.created["token"])

    @property
    def user(self) -> Credential:
        return Credential(user_token=self.created["userToken"])

    def of(self, role: Role) -> Credential:
        return self.agent if role is Role.AGENT else self.user

    async def act(self, values: Mapping[str, Any], *, key: str | None = None, **members: Any) -> Reply:
        """Write fields as the agent, at once unless asked otherwise."""
        actions = [{"type": "set", "key": name, "value": value} for name, value in values.items()]
        body = {"actions": actions, "stream": False} | members
        return await self.engine.post_action(self.session_id, body, self.agent, idempotency_key=key)

    async def do(self, *actions: dict[str, Any], key: str | None = None, **members: Any) -> Reply:
        """Carry out actions of any type as the agent, at once unless asked otherwise."""
        body = {"actions": [*actions], "stream": False} | members
        return await self.engine.post_action(self.session_id, body, self.agent, idempotency_key=key)

    async def edit(self, key: str, value: Any) -> Reply:
        """Write a field as the person."""
        return await self.notify(key=key, value=value)

    async def notify(self, **members: Any) -> Reply:
        """Say as the person what `POST /notify` takes."""
        return await self.engine.post_notify(self.session_id, members, self.user)

    async def context(self, role: Role = Role.USER) -> dict[str, Any]:
        return (await self.engine.get_context(self.session_id, self.of(role))).payload

    async def values(self) -> dict[str, tuple[Any, str]]:
        """Return the values and whose they are."""
        context = (await self.context())["context"]
        return {key: (record["value"], record["by"]) for key, record in context.items()}

    async def diff(self, **options: Any) -> dict[str, Any]:
        return (await self.engine.get_diff(self.session_id, self.agent, **options)).payload

    async def record(self) -> Record:
        return await record_of(self.store.inner, self.session_id)

    async def log(self) -> Sequence[Event]:
        return await log_of(self.store.inner, self.session_id)

    @asynccontextmanager
    async def watch(
        self, role: Role = Role.USER, *, after: str | None = None, hidden: bool = False
    ) -> AsyncIterator[Viewer]:
        viewer = Viewer(await self.engine.watch(self.session_id, self.of(role), after=after, hidden=hidden))
        writer = asyncio.create_task(viewer.run())
        await asyncio.sleep(0)  # once it has begun, it leaves by itself however it ends
        try:
            yield viewer
        finally:
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)


def operations(pair: Pair, credential: Credential | None) -> dict[str, Callable[[], Awaitable[object]]]:
    """Return every operation on a session, to be begun with one credential."""
    engine, sid = pair.engine, pair.session_id
    return {
        "status": lambda: engine.get_session(sid, credential),
        "context": lambda: engine.get_context(sid, credential),
        "diff": lambda: engine.get_diff(sid, credential),
        "watch": lambda: engine.watch(sid, credential),
        "extend": lambda: engine.post_extend(sid, {"extraSeconds": 5}, credential),
        "action": lambda: engine.post_action(sid, {"actions": []}, credential),
        "notify": lambda: engine.post_notify(sid, {"key": "name", "value": 1}, credential),
        "rotate": lambda: engine.rotate(sid, {}, credential),
        "revoke": lambda: engine.revoke(sid, credential),
        "paste": lambda: engine.post_paste(sid, {"text": '{"fields": {"name": "A"}}'}, credential),
        "ask": lambda: engine.post_ask(sid, {"text": "Which?"}, credential),
    }


@dataclass
class Viewer:
    """The far end of a watcher: what it was shown, and its close code once it is over."""

    watcher: Watcher
    frames: list[dict[str, Any]] = field(default_factory=list)
    closed: int | None = None

    async def run(self) -> None:
        async with self.watcher:
            async for frame in self.watcher:
                self.frames.append(json.loads(frame.text))
            self.closed = self.watcher.close_code

    async def send(self, **message: Any) -> None:
        await self.watcher.receive(json.dumps(message))

    async def shown(self, *kinds: str) -> list[dict[str, Any]]:
        """Return all frames so far, once what is due has arrived; or only those of some kinds."""
        for _ in range(STEPS):
            await asyncio.sleep(0)
        await asyncio.sleep(0.001)
        return [frame for frame in self.frames if not kinds or frame["type"] in kinds]


async def open_pair(engine: ProtocolEngine, body: Mapping[str, Any] | None = None) -> Pair:
    """Open a session."""
    created, status = await engine.create_session({"userToken": True} | dict(body or {}))
    assert status == 200
    return Pair(engine, created)


async def yielding(_: str) -> None:
    """Let a millisecond pass."""
    await asyncio.sleep(0.001)


async def workers(
    count: int = 2,
    body: Mapping[str, Any] | None = None,
    *,
    owner: Any = None,
    limits: Limits | None = None,
    prepare: Callable[[ProtocolEngine], object] = lambda _: None,
    **options: Any,
) -> list[Pair]:
    """Return one session as several engines over one store see it, with time passing in each of the store's calls.

    Each engine is prepared before it is used.
    """
    limits = (limits or Limits()).replace(agent_requests=10_000, user_requests=10_000)
    engine = virtual_engine(limits, **options)
    prepare(engine)

    @engine.on_create_session
    async def own(session: Session, _: object) -> None:
        session.owner = owner

    first = await open_pair(engine, body)
    shared = first.store.inner
    engines = [ProtocolEngine(store=RelayStore(shared), limits=limits, **options) for _ in range(count - 1)]
    for other in engines:
        prepare(other)
    pairs = [first, *(Pair(engine, first.created) for engine in engines)]
    for pair in pairs:
        pair.store.before = pair.store.after = yielding
    return pairs
