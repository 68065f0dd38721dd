"""The memory store keeps what every store promises."""

from __future__ import annotations

import pytest

from handshake_prompt.protocol.limits import Limits
from handshake_prompt.stores import MemoryStore
from handshake_prompt.testing.store_contract import StoreContract, Stores
from tests.support.clock import ManualClock


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def stores(self) -> Stores:
        clock = ManualClock()

        async def open_one(**bounds: float) -> MemoryStore:
            return MemoryStore(Limits().replace(**bounds), clock=clock)

        async def advance(seconds: float) -> None:
            clock.advance(seconds)

        return Stores(open_one, advance)
