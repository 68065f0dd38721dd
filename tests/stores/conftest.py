"""The kinds of store that have to pass the contract, each with a clock that the tests move."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest

from handshake_prompt.limits import Limits
from handshake_prompt.stores import MemoryStore, SessionStore
from tests.support.clock import ManualClock

Make = Callable[[Limits, ManualClock], SessionStore]

KINDS: dict[str, Make] = {
    "memory": lambda limits, clock: MemoryStore(limits, clock=clock),
}


@dataclass
class World:
    """One kind of store and its time."""

    make: Make
    clock: ManualClock = field(default_factory=ManualClock)
    opened: list[SessionStore] = field(default_factory=list)

    def open(self, **bounds: float) -> SessionStore:
        """Return an empty store of this kind."""
        store = self.make(Limits().replace(**bounds), self.clock)
        self.opened.append(store)
        return store


@pytest.fixture(params=list(KINDS))
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    one = World(KINDS[request.param])
    yield one
    for store in one.opened:
        await store.aclose()
