"""Helpers for tests of users: an application with a page and agents in one process, and the contract of stores.

The contract needs pytest and pytest-asyncio; the rest needs neither.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .asgi_transport import InProcessTransport
from .in_process import Frames, InProcess, Page, WatchClosedError

if TYPE_CHECKING:
    from .store_contract import StoreContract, Stores

__all__ = [
    "Frames",
    "InProcess",
    "InProcessTransport",
    "Page",
    "StoreContract",
    "Stores",
    "WatchClosedError",
]


def __getattr__(name: str) -> Any:
    if name not in ("StoreContract", "Stores"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import store_contract  # noqa: PLC0415 (needs pytest)

    return getattr(store_contract, name)
