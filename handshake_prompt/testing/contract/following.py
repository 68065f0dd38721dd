"""What a store tells of sessions: whose they are, that they changed, who watches them."""

# ruff: noqa: PLR2004, S101 - a test's name is its sentence, its numbers and assertions are the expectation

from __future__ import annotations

import asyncio
import threading

import pytest

from handshake_prompt.stores.base import PRESENCE_SECONDS

from .steps import Ear, claim, end, kept, load, logged, presence, visit
from .stores import Stores


class FollowingContract:
    """Owners, wake-ups and presence."""

    # Owners

    async def test_an_owners_sessions_are_found_by_an_equal_json_value(self, stores: Stores) -> None:
        store = await stores.open()
        for name, owner in (("a", {"id": 7, "名": None}), ("b", {"名": None, "id": 7}), ("c", {"id": 8}), ("d", "7")):
            await kept(store, name, owner=owner)
        assert sorted(await store.owned({"id": 7, "名": None})) == ["a" * 32, "b" * 32]
        assert list(await store.owned("7")) == ["d" * 32]
        assert list(await store.owned(7)) == []

    async def test_sessions_of_nobody_are_not_found(self, stores: Stores) -> None:
        store = await stores.open()
        await kept(store, owner=None)
        assert list(await store.owned(None)) == []

    # Wake-ups

    async def test_every_follower_of_a_session_is_woken_after_a_save(self, stores: Stores) -> None:
        store = await stores.open()
        await kept(store)
        ears = [Ear(), Ear()]
        for ear in ears:
            await store.follow("a" * 32, ear)
        await logged(store, 3)
        for ear in ears:
            await ear.hears(3)
            assert {session_id for session_id, _ in ear.heard} == {"a" * 32}
            assert all(version is None or version <= 3 for _, version in ear.heard)
            assert ear.threads == {threading.get_ident()}

    async def test_each_save_wakes_anew(self, stores: Stores) -> None:
        store = await stores.open()
        await kept(store)
        ear = Ear()
        await store.follow("a" * 32, ear)
        for version in (1, 2, 3):
            await logged(store, 1)
            await ear.hears(version)

    async def test_an_end_wakes_too(self, stores: Stores) -> None:
        store = await stores.open()
        await kept(store)
        ear = Ear()
        await store.follow("a" * 32, ear)
        await end(store, (await load(store)).record, purged=600)
        await ear.hears(1)

    async def test_who_follows_one_session_is_not_told_of_another(self, stores: Stores) -> None:
        store = await stores.open()
        await kept(store, "a")
        await kept(store, "b")
        first, second = Ear(), Ear()
        await store.follow("a" * 32, first)
        await store.follow("b" * 32, second)
        await logged(store, 1, name="a")
        await first.hears(1)
        await logged(store, 2, name="b")
        await second.hears(2)
        assert {session_id for session_id, _ in first.heard} == {"a" * 32}
        assert {session_id for session_id, _ in second.heard} == {"b" * 32}

    async def test_who_has_left_is_not_woken(self, stores: Stores) -> None:
        store = await stores.open()
        await kept(store)
        gone, stays = Ear(), Ear()
        for ear in (gone, stays):
            await store.follow("a" * 32, ear)
        await logged(store, 1)
        await stays.hears(1)
        store.unfollow("a" * 32, gone)
        told = len(gone.heard)
        await logged(store, 1)
        await stays.hears(2)
        assert not [version for _, version in gone.heard[told:] if version != 1]

    async def test_who_has_left_may_come_back(self, stores: Stores) -> None:
        store = await stores.open()
        await kept(store)
        ear = Ear()
        for version in (1, 2):
            await store.follow("a" * 32, ear)
            await logged(store, 1)
            await ear.hears(version)
            store.unfollow("a" * 32, ear)

    async def test_leaving_is_safe_where_one_never_was_and_while_being_woken(self, stores: Stores) -> None:
        store = await stores.open()
        await kept(store)
        leaves, stays = Ear(), Ear()
        store.unfollow("a" * 32, stays)

        def leave(session_id: str, version: int | None) -> None:
            leaves(session_id, version)
            store.unfollow(session_id, leave)

        await store.follow("a" * 32, leave)
        await store.follow("a" * 32, stays)
        await logged(store, 1)
        await leaves.hears(1)
        await stays.hears(1)
        await logged(store, 1)
        await stays.hears(2)

    # Presence

    async def test_what_workers_say_of_their_watchers_is_told_with_the_record(self, stores: Stores) -> None:
        store = await stores.open()
        for name in "abc":
            await kept(store, name)
        await store.present("one", {"a" * 32: 2, "b" * 32: 1})
        await store.present("two", {"a" * 32: 3})
        await store.present("one", {"a" * 32: 1})
        assert [await presence(store, name) for name in "abc"] == [{"one": 1, "two": 3}, {"one": 1}, {}]
        await store.present("one", {"a" * 32: 0, "c" * 32: 0})
        assert [await presence(store, name) for name in "abc"] == [{"two": 3}, {"one": 1}, {}]
        assert (await visit(store, [claim("t")])).record.presence == {"two": 3}

    async def test_a_save_does_not_write_presence(self, stores: Stores) -> None:
        store = await stores.open()
        record = await kept(store)
        await store.present("one", {"a" * 32: 2})
        await store.save(record)
        assert await presence(store) == {"one": 2}

    async def test_a_worker_that_says_nothing_more_is_forgotten(self, stores: Stores) -> None:
        if stores.advance is asyncio.sleep:
            pytest.skip("takes a minute where the clock cannot be moved")
        store = await stores.open()
        await kept(store, lives=1000, purged=1000)
        await store.present("gone", {"a" * 32: 1})
        await stores.advance(PRESENCE_SECONDS / 2)
        await store.present("there", {"a" * 32: 1})
        await stores.advance(PRESENCE_SECONDS / 2)
        assert await presence(store) == {"there": 1}
