"""The event loop of clients in Python: the fast one where it is installed, as for the servers."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from importlib.util import find_spec
from typing import Any, TypeVar

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end on a loop of its own."""
    with new_runner() as runner:
        return runner.run(work)


def new_runner() -> asyncio.Runner:
    """Return what keeps a loop, and the connections on it, from one round to the next."""
    return asyncio.Runner(loop_factory=_factory())


def _factory() -> Any:
    if find_spec("uvloop") is None:
        return None
    import uvloop  # noqa: PLC0415 - an extra

    return uvloop.new_event_loop
