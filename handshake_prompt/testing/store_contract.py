"""Contract of a session store, as tests that any implementation can run.

`SessionStore` is the interface. To test an implementation of it, subclass `StoreContract` in a test file and give it
one fixture, `stores`, which opens empty stores:

    import pytest_asyncio
    from handshake_prompt.stores import Limits
    from handshake_prompt.testing import StoreContract, Stores
    from my_project.stores import MyStore

    class TestMyStore(StoreContract):
        @pytest_asyncio.fixture
        async def stores(self):
            opened = []

            async def open_one(**bounds):
                store = MyStore(Limits().replace(**bounds))
                await store.ready()
                opened.append(store)
                return store

            yield Stores(open_one)
            for store in opened:
                await store.aclose()

That is all: `pytest` finds the tests in the class. A store with a clock of its own gives `Stores(advance=...)` as
well, and no test has to sleep; a store that several processes share gives `Stores(again=...)`, and is held to the
promises of sharing too. Times have to be kept to a hundredth of a second.
"""

from __future__ import annotations

import pytest

from .contract.capacity import CapacityContract
from .contract.counting import CountingContract
from .contract.logs import LogContract
from .contract.notifications import NotificationContract
from .contract.records import RecordContract
from .contract.sharing import SharingContract
from .contract.stores import Stores

__all__ = ["StoreContract", "Stores"]


class StoreContract(
    RecordContract, LogContract, CountingContract, NotificationContract, SharingContract, CapacityContract
):
    """All promises of `SessionStore`; a subclass provides the fixture `stores`."""

    pytestmark = pytest.mark.asyncio
