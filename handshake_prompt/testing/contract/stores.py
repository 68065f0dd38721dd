"""Access of the tests to the stores they test."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from handshake_prompt.stores import SessionStore


@dataclass(frozen=True)
class Stores:
    """Access to a kind of store."""

    open: Callable[..., Awaitable[SessionStore]]
    """`await open(**bounds)` returns an empty store, ready, with these bounds in its limits; the fixture closes it."""
    advance: Callable[[float], Awaitable[object]] = asyncio.sleep
    """Lets seconds pass on the store's clock."""
    again: Callable[[], Awaitable[SessionStore]] | None = None
    """Opens another instance on the data of the one opened last, as another worker would; None if there can be none."""

    async def two(self) -> tuple[SessionStore, SessionStore]:
        """Return two instances that share their data."""
        if self.again is None:
            pytest.skip("this kind of store has one process to itself")
        return await self.open(), await self.again()
