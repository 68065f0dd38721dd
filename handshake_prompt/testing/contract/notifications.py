"""Promises of ownership, save notifications and presence."""

# ruff: noqa: PLR2004, S101 - a test's name is its sentence, its numbers and assertions are the expectation

from __future__ import annotations

import asyncio
import threading

import pytest

from handshake_prompt.stores import PRESENCE_SECONDS

from .steps import RecordingSubscriber, claim, end, kept, load, logged, presence, visit
from .stores import Stores


class NotificationContract:
    """Owners, save notifications and presence."""

    # Owners

    async def test_an_owners_sessions_are_found_by_an_equal_json_value(self, stores: Stores) -> None:
        store = await stores.open()
        for name, owner in (("a", {"id": 7, "名": None}), ("b", {"名": None, "id": 7}), ("c", {"id": 8}), ("d", "7")):
            await kept(store, name, owner=owner)
        assert sorted(await store.owned_by({"id": 7, "名": None})) == ["a" * 32, "b" * 32]
        assert list(await store.owned_by("7")) == ["d" * 32]
        assert list(await store.owned_by(7)) == []

    async def test_sessions_of_nobody_are_not_found(self, stores: Stores) -> None:
        store = await stores.open()
        await kept(store, owner=None)
        assert list(await store.owned_by(None)) == []

    # Subscriber-ups

    async def test_every_subscriber_of_a_session_is_notified_after_a_save(self, stores: Stores) -> None:
        store = await stores.open()
        await kept(store)
        subscribers = [RecordingSubscriber(), RecordingSubscriber()]
        for subscriber in subscribers:
            await store.subscribe("a" * 32, subscriber)
        await logged(store, 3)
        for subscriber in subscribers:
            await subscriber.receives(3)
            assert {session_id for session_id, _ in subscriber.received} == {"a" * 32}
            assert all(version is None or version <= 3 for _, version in subscriber.received)
            assert subscriber.threads == {threading.get_ident()}

    async def test_each_save_notifies_anew(self, stores: Stores) -> None:
        store = await stores.open()
        await kept(store)
        subscriber = RecordingSubscriber()
        await store.subscribe("a" * 32, subscriber)
        for version in (1, 2, 3):
            await logged(store, 1)
            await subscriber.receives(version)

    async def test_an_end_notifies_too(self, stores: Stores) -> None:
        store = await stores.open()
        await kept(store)
        subscriber = RecordingSubscriber()
        await store.subscribe("a" * 32, subscriber)
        await end(store, (await load(store)).record, purged=600)
        await subscriber.receives(1)

    async def test_a_subscriber_of_one_session_is_not_notified_of_another(self, stores: Stores) -> None:
        store = await stores.open()
        await kept(store, "a")
        await kept(store, "b")
        first, second = RecordingSubscriber(), RecordingSubscriber()
        await store.subscribe("a" * 32, first)
        await store.subscribe("b" * 32, second)
        await logged(store, 1, name="a")
        await first.receives(1)
        await logged(store, 2, name="b")
        await second.receives(2)
        assert {session_id for session_id, _ in first.received} == {"a" * 32}
        assert {session_id for session_id, _ in second.received} == {"b" * 32}

    async def test_nobody_is_notified_after_unsubscribing(self, stores: Stores) -> None:
        store = await stores.open()
        await kept(store)
        gone, stays = RecordingSubscriber(), RecordingSubscriber()
        for subscriber in (gone, stays):
            await store.subscribe("a" * 32, subscriber)
        await logged(store, 1)
        await stays.receives(1)
        store.unsubscribe("a" * 32, gone)
        told = len(gone.received)
        await logged(store, 1)
        await stays.receives(2)
        assert not [version for _, version in gone.received[told:] if version != 1]

    async def test_a_subscriber_may_come_back(self, stores: Stores) -> None:
        store = await stores.open()
        await kept(store)
        subscriber = RecordingSubscriber()
        for version in (1, 2):
            await store.subscribe("a" * 32, subscriber)
            await logged(store, 1)
            await subscriber.receives(version)
            store.unsubscribe("a" * 32, subscriber)

    async def test_unsubscribing_is_safe_without_a_subscription_and_while_being_notified(self, stores: Stores) -> None:
        store = await stores.open()
        await kept(store)
        leaves, stays = RecordingSubscriber(), RecordingSubscriber()
        store.unsubscribe("a" * 32, stays)

        def leave(session_id: str, version: int | None) -> None:
            leaves(session_id, version)
            store.unsubscribe(session_id, leave)

        await store.subscribe("a" * 32, leave)
        await store.subscribe("a" * 32, stays)
        await logged(store, 1)
        await leaves.receives(1)
        await stays.receives(1)
        await logged(store, 1)
        await stays.receives(2)

    # Presence

    async def test_reports_of_watchers_come_with_the_record(self, stores: Stores) -> None:
        store = await stores.open()
        for name in "abc":
            await kept(store, name)
        await store.report_watchers("one", {"a" * 32: 2, "b" * 32: 1})
        await store.report_watchers("two", {"a" * 32: 3})
        await store.report_watchers("one", {"a" * 32: 1})
        assert [await presence(store, name) for name in "abc"] == [{"one": 1, "two": 3}, {"one": 1}, {}]
        await store.report_watchers("one", {"a" * 32: 0, "c" * 32: 0})
        assert [await presence(store, name) for name in "abc"] == [{"two": 3}, {"one": 1}, {}]
        assert (await visit(store, [claim("t")])).record.presence == {"two": 3}

    async def test_a_save_does_not_write_presence(self, stores: Stores) -> None:
        store = await stores.open()
        record = await kept(store)
        await store.report_watchers("one", {"a" * 32: 2})
        await store.save(record)
        assert await presence(store) == {"one": 2}

    async def test_a_report_of_watchers_is_a_lease(self, stores: Stores) -> None:
        if stores.advance is asyncio.sleep:
            pytest.skip("takes a minute where the clock cannot be moved")
        store = await stores.open()
        await kept(store, lives=1000, purged=1000)
        await store.report_watchers("gone", {"a" * 32: 1})
        await stores.advance(PRESENCE_SECONDS / 2)
        await store.report_watchers("there", {"a" * 32: 1})
        await stores.advance(PRESENCE_SECONDS / 2)
        assert await presence(store) == {"there": 1}
