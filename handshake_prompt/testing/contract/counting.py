"""Promises of counters, and of visits that are counted."""

# ruff: noqa: PLR2004, S101 - a test's name is its sentence, its numbers and assertions are the expectation

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from .steps import OVER, SHORT, claim, counted, kept, load, logged, near, revoked, times, visit
from .stores import Stores


class CountingContract:
    """Counters and visits."""

    # Counters

    async def test_a_counter_counts_to_its_limit_and_no_further(self, stores: Stores) -> None:
        store = await stores.open()
        quotas = [await store.hit("c", limit=2, window=60) for _ in range(3)]
        assert [(quota.allowed, quota.remaining) for quota in quotas] == [(True, 1), (True, 0), (False, 0)]
        assert {(quota.limit, quota.window) for quota in quotas} == {(2, 60)}
        assert all(0 < quota.reset_after <= 60 for quota in quotas)

    async def test_a_window_begins_with_its_first_request_and_lasts_its_length(self, stores: Stores) -> None:
        store = await stores.open()
        await store.hit("long", limit=1, window=60)
        await store.hit("short", limit=1, window=SHORT)
        await stores.advance(OVER)
        refused = await store.hit("long", limit=1, window=60)
        assert not refused.allowed
        assert refused.reset_after <= 60 - SHORT
        renewed = await store.hit("short", limit=1, window=60)
        assert (renewed.allowed, renewed.remaining) == (True, 0)
        assert renewed.reset_after > 60 - SHORT

    async def test_counters_are_apart_by_name(self, stores: Stores) -> None:
        store = await stores.open()
        allowed = [(await store.hit(name, limit=1, window=60)).allowed for name in ("a", "b", "A", "a")]
        assert allowed == [True, True, True, False]

    async def test_requests_at_the_same_moment_are_counted_one_by_one(self, stores: Stores) -> None:
        store = await stores.open()
        quotas = await asyncio.gather(*(store.hit("c", limit=7, window=60) for _ in range(50)))
        assert sorted(quota.remaining for quota in quotas if quota.allowed) == list(range(7))

    # Visits

    @pytest.mark.parametrize(
        ("digests", "limit"),
        [
            pytest.param("tu", 10, id="both hold, the first is counted"),
            pytest.param("ut", 20, id="the other way round"),
            pytest.param("xu", 20, id="only the second holds"),
            pytest.param("Tt", 10, id="a digest holds for its own counter alone"),
        ],
    )
    async def test_a_visit_is_counted_on_the_first_claim_that_holds(
        self, stores: Stores, digests: str, limit: int
    ) -> None:
        store = await stores.open()
        await kept(store)
        claims = [claim(digest) for digest in digests]
        visits = [await visit(store, claims) for _ in range(2)]
        assert [counted(visit) for visit in visits] == [(limit, limit - 1), (limit, limit - 2)]

    @pytest.mark.parametrize(
        "digests", ["", "x", "TU"], ids=["no claim", "a wrong one", "right ones under wrong names"]
    )
    async def test_a_visit_without_a_claim_that_holds_only_reads(self, stores: Stores, digests: str) -> None:
        store = await stores.open()
        await kept(store)
        await logged(store, 2)
        plain = await load(store, after=1, key="last")
        claims = [claim(digest) for digest in digests]
        assert await visit(store, claims, renew=True, after=1, key="last") == plain
        assert await load(store, after=1, key="last") == plain

    async def test_a_visit_reads_what_a_load_reads(self, stores: Stores) -> None:
        store = await stores.open()
        await kept(store)
        await logged(store, 2)
        visited = await visit(store, [claim("t")], after=1, key="last")
        assert replace(visited, quota=None) == await load(store, after=1, key="last")
        assert counted(visited) == (10, 9)

    async def test_visits_are_counted_by_session_and_by_the_counters_name(self, stores: Stores) -> None:
        store = await stores.open()
        await kept(store, "a")
        await kept(store, "b")
        visits = [
            await visit(store, [claim("t")], name="a"),
            await visit(store, [claim("t")], name="b"),
            await visit(store, [claim("u")], name="a"),
            await visit(store, [claim("t")], name="a"),
        ]
        assert [counted(visit) for visit in visits] == [(10, 9), (10, 9), (20, 19), (10, 8)]

    async def test_a_visit_renews_the_session_for_its_ttl(self, stores: Stores) -> None:
        store = await stores.open()
        before = await kept(store, lives=100, purged=700)
        visited = (await visit(store, [claim("t")], renew=True)).record
        gained = visited.expires_at - before.expires_at
        assert visited.expires_at == pytest.approx(store.now() + visited.session.ttl, abs=2)
        assert visited.purge_at == pytest.approx(before.purge_at + gained, abs=0.01)
        stored = (await load(store)).record
        assert (times(stored), stored.version) == (near(*times(visited)), 0)

    async def test_a_visit_that_does_not_ask_for_it_renews_nothing(self, stores: Stores) -> None:
        store = await stores.open()
        before = await kept(store, lives=100, purged=700)
        for record in ((await visit(store, [claim("t")])).record, (await load(store)).record):
            assert times(record) == near(*times(before))

    async def test_no_visit_renews_a_session_beyond_its_deadline(self, stores: Stores) -> None:
        store = await stores.open()
        before = await kept(store, lives=100, purged=700, deadline=200)
        visited = (await visit(store, [claim("t")], renew=True)).record
        for record in (visited, (await load(store)).record):
            assert times(record) == near(before.session.deadline, before.purge_at + 100)

    async def test_a_visit_takes_no_time_away(self, stores: Stores) -> None:
        store = await stores.open()
        before = await kept(store, lives=5000, purged=6000)
        for record in ((await visit(store, [claim("t")], renew=True)).record, (await load(store)).record):
            assert times(record) == near(*times(before))

    async def test_a_visit_over_the_limit_is_told_so_and_renews_nothing(self, stores: Stores) -> None:
        store = await stores.open()
        before = await kept(store, lives=100, purged=700)
        narrow = replace(claim("t"), limit=1)
        await visit(store, [narrow])
        over = await visit(store, [narrow], renew=True)
        assert over.quota is not None
        assert (over.quota.allowed, over.quota.remaining) == (False, 0)
        for record in (over.record, (await load(store)).record):
            assert times(record) == near(*times(before))

    async def test_a_visit_to_what_has_expired_counts_and_renews_nothing(self, stores: Stores) -> None:
        store = await stores.open()
        before = await kept(store, lives=SHORT, purged=600)
        await stores.advance(OVER)
        visited = await visit(store, [claim("t")], renew=True)
        assert visited.quota is None
        assert times((await load(store)).record) == near(*times(before))
        later = store.now() + 100
        await store.touch("a" * 32, expires_at=later, purge_at=later)
        assert counted(await visit(store, [claim("t")])) == (10, 9)

    async def test_a_visit_to_what_has_ended_counts_and_renews_nothing(self, stores: Stores) -> None:
        store = await stores.open()
        before = await revoked(store, purged=600, expires=100)
        visited = await visit(store, [claim("t")], renew=True)
        assert (visited.quota, visited.record.session.ended) == (None, "revoked")
        assert times((await load(store)).record) == near(*times(before))
