"""Promises of a full store."""

# ruff: noqa: PLR2004, S101 - a test's name is its sentence, its numbers and assertions are the expectation

from __future__ import annotations

import pytest

from handshake_prompt.protocol.errors import UnavailableError
from handshake_prompt.stores import SessionStore, Urgency, Visit

from .steps import (
    MANY,
    OVER,
    SHORT,
    claim,
    counted,
    create_large,
    end,
    filled,
    grow,
    grown_until_refused,
    load_id,
    save_nothing,
    seqs_of,
    write_to,
)
from .stores import Stores

CAPACITY = 4_000_000
"""Bytes: of about a hundred large sessions."""


class CapacityContract:
    """A full store refuses new sessions first, then ordinary saves, then the person's, and nothing else."""

    async def test_a_full_store_refuses_new_sessions_and_goes_on_with_those_it_has(self, stores: Stores) -> None:
        store = await stores.open(store_bytes=CAPACITY)
        kept = await filled(store)
        assert 20 < len(kept) < 200
        with pytest.raises(UnavailableError) as full:
            await create_large(store, len(kept) + 1)
        assert (full.value.status, full.value.code) == (503, "at_capacity")
        assert full.value.retry_after
        assert await store.load(f"{len(kept) + 1:032x}") is None
        await grow(store, kept[0], Urgency.ORDINARY)
        assert await usable(store, kept[0])

    async def test_then_it_refuses_ordinary_saves_whole_and_keeps_room_for_the_persons(self, stores: Stores) -> None:
        store = await stores.open(store_bytes=CAPACITY)
        kept = await filled(store)
        refused = await grown_until_refused(store, kept)
        before = await load_id(store, refused, after=0, key="grown")
        with pytest.raises(UnavailableError) as full:
            await grow(store, refused, Urgency.ORDINARY)
        assert (full.value.status, full.value.code) == (503, "at_capacity")
        assert await load_id(store, refused, after=0, key="grown") == before
        assert await usable(store, refused)
        await grow(store, refused, Urgency.RESERVED)
        newest = before.record.session.seq + 1
        assert (await seqs_of(store, refused))[-1] == newest
        assert (await load_id(store, refused)).record.session.seq == newest

    async def test_the_room_that_is_kept_is_bounded_too_and_an_end_needs_none(self, stores: Stores) -> None:
        store = await stores.open(store_bytes=CAPACITY)
        kept = await filled(store)
        await grown_until_refused(store, kept)
        refused = await grown_until_refused(store, kept, Urgency.RESERVED)
        assert await usable(store, refused)
        for name in kept:
            await end(store, (await load_id(store, name)).record, purged=600)
        assert (await load_id(store, refused)).record.session.ended
        await create_large(store, len(kept) + 1)

    async def test_sessions_that_nobody_has_used_make_room_after_a_while(self, stores: Stores) -> None:
        store = await stores.open(store_bytes=CAPACITY, unused_seconds=SHORT)
        read, written, watched, *unused = await filled(store)
        with pytest.raises(UnavailableError):
            await create_large(store, MANY)
        await store.visit(read, Visit(renew=True), claims=[claim("t")])
        await write_to(store, written)
        await store.report_watchers("worker", {watched: 1})
        await save_nothing(store, unused[-1])
        await stores.advance(OVER)
        await create_large(store, MANY)
        assert [await store.load(name) is not None for name in (read, written, watched)] == [True] * 3
        assert None in [await store.load(name) for name in unused]


async def usable(store: SessionStore, name: str) -> bool:
    """Return whether a session can be read, and its visits and other requests are counted."""
    visited = await store.visit(name, claims=[claim("t")])
    assert visited is not None
    quotas = [await store.hit(f"other:{name}", limit=2, window=60) for _ in range(2)]
    return counted(visited) == (10, 9) and [quota.remaining for quota in quotas] == [1, 0]
