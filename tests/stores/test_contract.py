"""What every store promises. To hold another one to it, add it to `KINDS` in conftest.py."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from handshake_prompt.credentials import Role
from handshake_prompt.errors import VersionConflictError
from handshake_prompt.events import Change, Event, Notice
from handshake_prompt.session import By, Session, Turn
from handshake_prompt.stores import Receipt, Record, SessionStore
from tests.stores.conftest import World

AT = "2026-01-01T12:00:00.000000+00:00"


def session(name: str = "a") -> Session:
    """Return a session that makes use of every member."""
    made = Session(
        session_id=name * 32,
        mode="form-fill",
        epoch="0a1b2c3d",
        token_digest="t" * 64,
        user_digest="u" * 64,
        created_at=1.5,
        deadline=86_401.5,
        ttl=1800.0,
        owner={"user": 7, "名": None},
        meta={"page": "/checkout"},
        schema=[{"key": "name", "type": "string"}],
        sensitive=("iban",),
        state={"step": [1, 2.5, None, True]},
    ).checkout(Turn(Role.USER, now=1e9))
    made.give("name", "名\u2028🙂", by=By.USER)
    made.give("iban", None, by=By.DEFAULT)
    made.commit()
    return made


def action(seq: int, *, size: int = 10) -> Change:
    return Change(type="action", seq=seq, at=AT, key="name", value=seq, by="ai", size=size)


async def kept(store: SessionStore, name: str = "a", *, lives: float = 100.0, purged: float = 700.0) -> Record:
    """Put a session into a store and return it as loaded."""
    now = store.now()
    await store.create(Record(session(name), 0, expires_at=now + lives, purge_at=now + purged))
    return await loaded(store, name)


async def loaded(store: SessionStore, name: str = "a") -> Record:
    record = await store.load(name * 32)
    assert record is not None
    return record


async def logged(store: SessionStore, count: int, *, size: int = 10) -> None:
    """Append events one by one, numbered from 1."""
    for _ in range(count):
        record = await loaded(store)
        record.session = record.session.checkout(Turn(Role.AGENT, now=1e9))
        record.session.seq += 1
        record.session.commit()
        await store.save(record, events=[action(record.session.seq, size=size)])


async def seqs_after(store: SessionStore, seq: int) -> tuple[list[int], bool]:
    log = await store.events_after("a" * 32, seq)
    return [event.seq for event in log.events], log.complete


# Records


async def test_what_was_created_is_loaded_as_it_was(world: World) -> None:
    store = world.open()
    record = await kept(store, lives=100, purged=700)
    assert record.session == session()
    assert (record.version, record.expires_at, record.purge_at) == (0, world.clock() + 100, world.clock() + 700)


async def test_nothing_is_known_of_what_was_never_created(world: World) -> None:
    store = world.open()
    assert await store.load("f" * 32) is None
    assert await store.receipt("f" * 32, "k") is None
    assert not (await store.events_after("f" * 32, 0)).complete
    await store.touch("f" * 32, expires_at=1e9, purge_at=1e9)
    assert await store.load("f" * 32) is None


async def test_a_name_is_given_once(world: World) -> None:
    store = world.open()
    await kept(store)
    with pytest.raises(VersionConflictError):
        await kept(store)


async def test_a_record_that_was_loaded_is_the_callers_to_change(world: World) -> None:
    store = world.open()
    record = await kept(store)
    record.version, record.expires_at, record.purge_at = 7, 0.0, 0.0
    record.session = record.session.checkout(Turn(Role.AGENT, now=1e9))
    record.session.write("iban", "changed")
    assert (await loaded(store)).session == session()
    assert (await loaded(store)).version == 0


async def test_a_save_replaces_the_record_and_counts_up_its_version(world: World) -> None:
    store = world.open()
    record = await kept(store)
    for version in (1, 2):
        record.session = record.session.checkout(Turn(Role.AGENT, now=1e9))
        record.session.write("iban", version)
        events = record.session.commit()
        record.expires_at += 10
        await store.save(record, events=events)
        assert record.version == version
        assert await loaded(store) == record


@pytest.mark.parametrize("gone", [False, True], ids=["another was first", "it is gone"])
async def test_i2_a_save_that_comes_too_late_leaves_no_trace(world: World, *, gone: bool) -> None:
    store = world.open()
    late = await kept(store)
    if gone:
        late.session = msgspec.structs.replace(late.session, session_id="f" * 32)
    else:
        await store.save(await loaded(store), events=[action(1)])
    before = await loaded(store)
    with pytest.raises(VersionConflictError):
        await store.save(late, events=[action(1), action(2)], receipt=Receipt("late", "f", b"{}", 600))
    assert await loaded(store) == before
    assert await store.load("f" * 32) is None
    assert await seqs_after(store, 0) == ([] if gone else [1], True)
    assert await store.receipt("a" * 32, "late") is None


async def test_i2_of_writers_that_start_from_one_version_exactly_one_gets_through(world: World) -> None:
    store = world.open()
    await kept(store)
    drafts = [await loaded(store) for _ in range(10)]
    outcomes = await asyncio.gather(
        *(store.save(draft, events=[action(1)]) for draft in drafts), return_exceptions=True
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NoneType"] + ["VersionConflictError"] * 9
    assert await seqs_after(store, 0) == ([1], True)


async def test_i2_writers_that_try_again_make_one_log_without_a_hole(world: World) -> None:
    store = world.open()
    await kept(store)

    async def write_three() -> None:
        done = 0
        while done < 3:
            try:
                await logged(store, 1)
                done += 1
            except VersionConflictError:
                continue

    await asyncio.gather(*(write_three() for _ in range(8)))
    assert await seqs_after(store, 0) == (list(range(1, 25)), True)
    assert ((await loaded(store)).version, (await loaded(store)).session.seq) == (24, 24)


# Times


async def test_a_touch_moves_times_forward_and_is_no_save(world: World) -> None:
    store = world.open()
    record = await kept(store)
    await store.touch("a" * 32, expires_at=record.expires_at + 50, purge_at=record.purge_at + 60)
    moved = await loaded(store)
    assert (moved.version, moved.expires_at, moved.purge_at) == (0, record.expires_at + 50, record.purge_at + 60)
    await store.save(record)
    assert record.version == 1


async def test_i12_a_touch_by_somebody_who_knows_less_takes_no_time_away(world: World) -> None:
    store = world.open()
    record = await kept(store)
    await store.touch("a" * 32, expires_at=record.expires_at - 50, purge_at=record.purge_at - 50)
    assert await loaded(store) == record


async def test_i13_a_touch_does_not_prolong_what_has_ended(world: World) -> None:
    store = world.open()
    ended = await revoked(store)
    await store.touch("a" * 32, expires_at=ended.expires_at + 1e6, purge_at=ended.purge_at + 1e6)
    assert await loaded(store) == ended


async def test_a_record_past_its_time_is_there_until_it_is_purged(world: World) -> None:
    store = world.open()
    await kept(store, lives=100, purged=700)
    world.clock.advance(699)
    assert (await loaded(store)).expires_at < store.now()
    world.clock.advance(1)
    assert await store.load("a" * 32) is None


async def revoked(store: SessionStore) -> Record:
    await kept(store)
    await logged(store, 3)
    record = await loaded(store)
    await store.save(record, receipt=Receipt("k", "f", b"{}", 600))
    record.session = record.session.checkout(Turn(Role.USER, now=1e9))
    record.session.end("revoked")
    record.session.commit()
    record.expires_at, record.purge_at = store.now(), store.now() + 600
    await store.save(record, receipt=Receipt("end", "f", b"{}", 600))
    return record


async def test_an_ended_session_loses_its_log_and_its_receipts_and_keeps_its_reason_for_a_while(world: World) -> None:
    store = world.open()
    await revoked(store)
    assert (await loaded(store)).session.ended == "revoked"
    assert await seqs_after(store, 0) == ([], False)
    assert [await store.receipt("a" * 32, key) for key in ("k", "end")] == [None, None]
    world.clock.advance(599)
    assert (await loaded(store)).session.ended == "revoked"
    world.clock.advance(1)
    assert await store.load("a" * 32) is None


# The log


async def test_events_are_kept_with_all_they_carry(world: World) -> None:
    store = world.open()
    record = await kept(store)
    events: list[Event] = [
        Change(
            type="edit",
            seq=1,
            at=AT,
            key="名",
            value={"a": [1, 2.5, None]},
            by="user",
            previous=[],
            sensitive=True,
            pace=0.3,
            source="tab",
            size=9,
        ),
        Notice(type="done", seq=2, at=AT, members={"applied": 1, "rejected": ["x"]}, size=3),
    ]
    record.session = msgspec.structs.replace(record.session, seq=2)
    await store.save(record, events=events)
    assert list((await store.events_after("a" * 32, 0)).events) == events


async def test_what_is_asked_for_is_what_came_after_in_order(world: World) -> None:
    store = world.open()
    await kept(store)
    assert await seqs_after(store, 0) == ([], True)
    await logged(store, 4)
    assert [await seqs_after(store, seq) for seq in (0, 2, 4)] == [([1, 2, 3, 4], True), ([3, 4], True), ([], True)]


async def test_logs_of_sessions_do_not_mix(world: World) -> None:
    store = world.open()
    await kept(store, "a")
    await kept(store, "b")
    await logged(store, 2)
    assert list((await store.events_after("b" * 32, 0)).events) == []


BOUNDED: dict[str, tuple[dict[str, float], int, list[int]]] = {
    "in events": ({"log_events": 3, "replay_events": 3}, 10, [4, 5, 6]),
    "in bytes": ({"log_bytes": 30}, 10, [4, 5, 6]),
    "to the last one, if that is large": ({"log_bytes": 30}, 1000, [6]),
}


@pytest.mark.parametrize(("bounds", "size", "left"), BOUNDED.values(), ids=BOUNDED)
async def test_i11_a_log_is_bounded_and_says_when_something_is_no_longer_there(
    world: World, bounds: dict[str, float], size: int, left: list[int]
) -> None:
    store = world.open(**bounds)
    await kept(store)
    await logged(store, 6, size=size)
    assert await seqs_after(store, left[0] - 1) == (left, True)
    assert await seqs_after(store, left[0] - 2) == (left, False)
    assert await seqs_after(store, 6) == ([], True)


# Receipts


async def keep_receipt(store: SessionStore, key: str, *, reply: bytes = b"{}", lifetime: float = 600.0) -> Receipt:
    receipt = Receipt(key, f"fingerprint of {key}", reply, lifetime)
    await store.save(await loaded(store), receipt=receipt)
    return receipt


async def test_i7_a_receipt_is_kept_with_its_change_for_its_lifetime(world: World) -> None:
    store = world.open()
    await kept(store, lives=1e6, purged=1e6)
    receipt = await keep_receipt(store, "~key!", reply=b'{"ok":true}')
    assert await store.receipt("a" * 32, "~key!") == receipt
    assert await store.receipt("a" * 32, "~KEY!") is None
    await kept(store, "b")
    assert await store.receipt("b" * 32, "~key!") is None
    world.clock.advance(599)
    assert await store.receipt("a" * 32, "~key!") == receipt
    world.clock.advance(1)
    assert await store.receipt("a" * 32, "~key!") is None


async def held(store: SessionStore, keys: str) -> str:
    return "".join([key for key in keys if await store.receipt("a" * 32, key)])


async def test_i11_receipts_are_bounded_in_bytes_and_the_oldest_make_room(world: World) -> None:
    store = world.open(idempotency_bytes=100)
    await kept(store)
    for key in "abcd":
        await keep_receipt(store, key, reply=b"x" * 30)
    assert await held(store, "abcd") == "bcd"
    await keep_receipt(store, "e", reply=b"x" * 90)
    assert await held(store, "abcde") == "e"
    await keep_receipt(store, "f", reply=b"x" * 500)
    assert await held(store, "abcdef") == "f"


async def test_i7_a_key_used_again_and_again_does_not_push_out_the_receipts_of_others(world: World) -> None:
    store = world.open(idempotency_bytes=100)
    await kept(store, lives=1e6, purged=1e6)
    for _ in range(20):
        await keep_receipt(store, "a", reply=b"x" * 30, lifetime=10)
        world.clock.advance(10)
    await keep_receipt(store, "b", reply=b"x" * 30)
    await keep_receipt(store, "c", reply=b"x" * 30)
    await keep_receipt(store, "a", reply=b"x" * 30)
    assert await held(store, "abc") == "abc"


# Counters


def answered(quotas: list[Any]) -> list[tuple[bool, int, float]]:
    return [(quota.allowed, quota.remaining, quota.reset_after) for quota in quotas]


async def test_a_counter_counts_within_its_window_and_begins_anew_after_it(world: World) -> None:
    store = world.open()
    quotas = [await store.hit("c", limit=2, window=60)]
    world.clock.advance(10)
    quotas += [await store.hit("c", limit=2, window=60), await store.hit("c", limit=2, window=60)]
    world.clock.advance(50)
    quotas.append(await store.hit("c", limit=2, window=60))
    assert answered(quotas) == [(True, 1, 60), (True, 0, 50), (False, 0, 50), (True, 1, 60)]


async def test_counters_are_apart_by_name(world: World) -> None:
    store = world.open()
    assert [(await store.hit(name, limit=1, window=60)).allowed for name in ("a", "b", "A", "a")] == [
        True,
        True,
        True,
        False,
    ]


async def test_requests_at_the_same_moment_are_counted_one_by_one(world: World) -> None:
    store = world.open()
    quotas = await asyncio.gather(*(store.hit("c", limit=7, window=60) for _ in range(50)))
    assert sum(quota.allowed for quota in quotas) == 7


async def test_closing_is_safe_twice_and_with_late_callers_about(world: World) -> None:
    store = world.open()
    await kept(store)
    await store.aclose()
    await store.aclose()
