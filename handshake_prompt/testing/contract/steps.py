"""Shared steps of the tests. Sessions are named by one letter."""

# ruff: noqa: S101 - a step that fails is a test that fails

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from contextlib import suppress
from itertools import cycle, islice
from typing import Any

import msgspec
import pytest

from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.errors import UnavailableError, VersionConflictError
from handshake_prompt.protocol.events import Change, Event, Notice
from handshake_prompt.protocol.packing import pack
from handshake_prompt.session import Session, Turn, rows
from handshake_prompt.session.authors import By
from handshake_prompt.session.field_value import FieldValue
from handshake_prompt.stores import Claim, Loaded, Receipt, Record, SessionStore, Urgency, Visit

AT = "2026-01-01T12:00:00.000000+00:00"
SHORT, OVER = 1.0, 1.2
"""A short life, and when it is surely over: long enough for the slowest store to be asked in between."""
PATIENCE = 6.0
"""Subscriber-ups are owed within 5 s."""
LARGE = 40_000
"""Bytes of a large value."""
MANY = 1000
"""Steps after which a store should have been full."""
NOBODY = "f" * 32
OWNER = {"user": 7, "名": None}

EVENTS: list[Event] = [
    Change(
        type="edit",
        seq=1,
        at=AT,
        key="名",
        kept=pack({"a": [1, 2.5, None]})[0],
        by="user",
        kept_previous=[],
        sensitive=True,
        pace=0.3,
        source="tab",
        size=9,
    ),
    Notice(type="done", seq=2, at=AT, members={"applied": 1, "rejected": ["x"]}, pace=0.3, size=3),
]
"""One of each kind, with every member in use."""


def session(name: str, now: float, *, deadline: float = 86_400.0, owner: Any = OWNER) -> Session:
    """Return a session that makes use of every member."""
    made = Session(
        session_id=name * 32,
        mode="form-fill",
        epoch="0a1b2c3d",
        token_digest="t" * 64,
        user_digest="u" * 64,
        created_at=now,
        deadline=now + deadline,
        ttl=1800.0,
        owner=owner,
        kept_meta={"page": "/checkout"},
        schema_json=b'[{"key":"name","type":"string"}]',
        sensitive=("iban",),
        state={"step": [1, 2.5, None, True]},
    ).checkout(Turn(Role.USER, now=1e9))
    made.give("name", "名\u2028🙂", by=By.USER)
    made.give("iban", None, by=By.DEFAULT)
    made.give("lines", [{"amount": 1.5}, []], by=By.DEFAULT)
    bag = rows.put_initial(made, f"{rows.put_initial(made, 'trips', by=By.USER)}/bags", by=By.AI)
    made.values[f"{bag}/kg"] = FieldValue(20, By.DEFAULT, AT, 0, preset=True)
    made.commit()
    return made


def drafted(record: Record) -> Session:
    """Return a working copy of a record's session."""
    return record.session.checkout(Turn(Role.AGENT, now=1e9))


def action(seq: int, *, size: int = 10) -> Change:
    """Return an event of the log."""
    return Change(type="action", seq=seq, at=AT, key="name", kept=seq, by="ai", size=size)


async def kept(
    store: SessionStore,
    name: str = "a",
    *,
    lives: float = 100.0,
    purged: float = 700.0,
    deadline: float = 86_400.0,
    owner: Any = OWNER,
) -> Record:
    """Put a session into a store and return it as loaded."""
    now = store.now()
    made = session(name, now, deadline=deadline, owner=owner)
    await store.create(Record(made, 0, expires_at=now + lives, purge_at=now + purged))
    return (await load(store, name)).record


async def load(store: SessionStore, name: str = "a", **asked: Any) -> Loaded:
    """Load a session that is there."""
    loaded = await store.load(name * 32, **asked)
    assert loaded is not None
    return loaded


async def visit(store: SessionStore, claims: Sequence[Claim], *, name: str = "a", **asked: Any) -> Loaded:
    """Visit a session that is there."""
    loaded = await store.visit(name * 32, Visit(**asked), claims=claims)
    assert loaded is not None
    return loaded


def claim(digest: str) -> Claim:
    """Return the agent's claim for `t`, the person's for `u`; any other digest is none of the session's.

    A capital is the right digest under the wrong name.
    """
    counter, limit = ("user", 20) if digest in "uT" else ("agent", 10)
    return Claim(counter, digest.lower() * 64, limit, 60)


def counted(visited: Loaded) -> tuple[int, int] | None:
    """Return the limit that a visit was counted against, and the requests left of it."""
    return (visited.quota.limit, visited.quota.remaining) if visited.quota else None


async def logged(store: SessionStore, count: int, *, name: str = "a", size: int = 10) -> None:
    """Append events one by one, numbered on, each with a receipt that tells its number."""
    for _ in range(count):
        record = (await load(store, name)).record
        record.session = drafted(record)
        record.session.seq += 1
        record.session.commit()
        seq = record.session.seq
        await store.save(record, events=[action(seq, size=size)], receipt=Receipt("last", "f", b"%d" % seq, 600))


async def insisting(store: SessionStore, count: int) -> None:
    """Append events, trying again whenever another was first."""
    while count:
        try:
            await logged(store, 1)
            count -= 1
        except VersionConflictError:
            continue


async def race(stores: Sequence[SessionStore]) -> None:
    """Let one writer a store save the same version at once: one of them gets through, and only its event is logged."""
    drafts = [(await load(store)).record for store in stores]
    saves = (store.save(draft, events=[action(1)]) for store, draft in zip(stores, drafts, strict=True))
    outcomes = await asyncio.gather(*saves, return_exceptions=True)
    assert sorted(type(one).__name__ for one in outcomes) == ["NoneType"] + ["VersionConflictError"] * (len(stores) - 1)
    assert sorted(draft.version for draft in drafts) == [0] * (len(stores) - 1) + [1]
    loaded = await load(stores[0], after=0)
    assert loaded.log is not None
    assert (loaded.record.version, len(loaded.log.events)) == (1, 1)


async def end(store: SessionStore, record: Record, *, purged: float, expires: float = 0.0) -> None:
    """End a session, as its person does."""
    record.session = record.session.checkout(Turn(Role.USER, now=1e9))
    record.session.end("revoked")
    record.session.commit()
    record.expires_at, record.purge_at = store.now() + expires, store.now() + purged
    await store.save(record, receipt=Receipt("end", "f", b"{}", 600))


async def revoked(store: SessionStore, *, purged: float, expires: float = 0.0) -> Record:
    """Return the record of a session that had a log and a receipt when it was ended."""
    await kept(store)
    await logged(store, 3)
    record = (await load(store)).record
    await end(store, record, purged=purged, expires=expires)
    return record


async def seqs_after(store: SessionStore, seq: int, *, name: str = "a") -> tuple[list[int], bool]:
    """Return the numbers of the events after a place, and whether they are all."""
    log = (await load(store, name, after=seq)).log
    assert log is not None
    return [event.seq for event in log.events], log.complete


async def keep_receipt(store: SessionStore, key: str, *, reply: bytes = b"{}", lifetime: float = 600.0) -> Receipt:
    """Save nothing but a receipt."""
    receipt = Receipt(key, f"fingerprint of {key}", reply, lifetime)
    await store.save((await load(store)).record, receipt=receipt)
    return receipt


async def held(store: SessionStore, keys: Sequence[str]) -> list[str]:
    """Return the keys that have a receipt."""
    return [key for key in keys if (await load(store, key=key)).receipt]


async def presence(store: SessionStore, name: str = "a") -> dict[str, int]:
    """Return a session's number of watchers by worker."""
    return dict((await load(store, name)).record.presence)


async def create_large(store: SessionStore, number: int) -> str:
    """Create a session of 40 000 bytes, named by a number; return its name."""
    now, name = store.now(), f"{number:032x}"
    made = drafted(Record(msgspec.structs.replace(session("a", now, owner=None), session_id=name), 0, now, now))
    made.give("large", "x" * LARGE, by=By.USER)
    made.commit()
    await store.create(Record(made, 0, expires_at=now + 1000, purge_at=now + 1600))
    return name


async def filled(store: SessionStore) -> list[str]:
    """Create large sessions until there is no room for another; return their names."""
    names: list[str] = []
    with suppress(UnavailableError):
        while len(names) < MANY:
            names.append(await create_large(store, len(names) + 1))
    return names


async def grow(store: SessionStore, name: str, urgency: Urgency) -> None:
    """Add a value of 40 000 bytes, with an event and a receipt."""
    record = (await load_id(store, name)).record
    record.session = drafted(record)
    record.session.write(f"large {record.version}", "x" * LARGE)
    record.urgency = urgency
    await store.save(record, events=record.session.commit(), receipt=Receipt("grown", "f", b"{}", 600))


async def grown_until_refused(store: SessionStore, names: Sequence[str], urgency: Urgency = Urgency.ORDINARY) -> str:
    """Let sessions grow in turn until one may not; return its name."""
    for name in islice(cycle(names), MANY):
        try:
            await grow(store, name, urgency)
        except UnavailableError:
            return name
    raise AssertionError("nothing was refused")


async def write_to(store: SessionStore, name: str) -> None:
    """Write a value."""
    record = (await load_id(store, name)).record
    record.session = drafted(record)
    record.session.write("written", 1)
    await store.save(record, events=record.session.commit())


async def save_nothing(store: SessionStore, name: str) -> None:
    """Save a session as it is, as an extension does."""
    await store.save((await load_id(store, name)).record)


async def load_id(store: SessionStore, name: str, **asked: Any) -> Loaded:
    """Load a session that is there, by its whole name."""
    loaded = await store.load(name, **asked)
    assert loaded is not None
    return loaded


async def seqs_of(store: SessionStore, name: str) -> list[int]:
    """Return the numbers of the events that are kept."""
    log = (await load_id(store, name, after=0)).log
    assert log is not None
    return [event.seq for event in log.events]


def times(record: Record) -> tuple[float, float]:
    """Return when a record expires and when it is purged."""
    return record.expires_at, record.purge_at


def near(*times: float) -> Any:
    """Return an object equal to times within the required precision."""
    return pytest.approx(times, abs=0.01)


class RecordingSubscriber:
    """A subscriber that remembers its notifications, and the threads they came from."""

    def __init__(self) -> None:
        self.received: list[tuple[str, int | None]] = []
        self.threads: set[int] = set()
        self._awaited = 0
        """How many notifications earlier calls of `receives` have used."""
        self._news = asyncio.Event()

    def __call__(self, session_id: str, version: int | None) -> None:
        self.received.append((session_id, version))
        self.threads.add(threading.get_ident())
        self._news.set()

    async def receives(self, version: int) -> None:
        """Wait for a notification of a version, a newer one, or an unknown one.

        Raises:
            TimeoutError: it did not come in time.
        """
        async with asyncio.timeout(PATIENCE):
            while not any(known is None or known >= version for _, known in self.received[self._awaited :]):
                self._news.clear()
                await self._news.wait()
        self._awaited = len(self.received)
