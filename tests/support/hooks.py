"""Hooks as hosts write them: `async def`, or `def`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

STYLES = ["async def", "def"]


def written(answer: Callable[[], Any], style: str) -> Callable[..., Any]:
    """Return a hook that answers in one of the two styles."""

    def plain(*_: object) -> Any:
        return answer()

    async def awaited(*_: object) -> Any:
        await asyncio.sleep(0)
        return answer()

    return awaited if style == "async def" else plain
