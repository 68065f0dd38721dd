"""The kinds of store that the protocol is served over, each as URLs of stores with nothing in them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.redis_servers import RedisServer

KINDS = ("memory", "sqlite", "redis")

EACH_KIND = ("memory", *(pytest.param(kind, marks=pytest.mark.integration) for kind in KINDS[1:]))
"""The kinds as values of a parameter, for tests of what stands above a store: by itself `pytest` asks the quickest."""

_numbers = itertools.count()


def fresh_url(kind: str, folder: Path, redis: Callable[[], RedisServer]) -> str:
    """Return the URL of an empty store of a kind; `redis` is asked for a server if one is needed."""
    number = next(_numbers)
    if kind == "sqlite":
        return f"sqlite:///{folder}/{number}.db"
    if kind == "redis":
        return f"{redis().url}?prefix=fresh{number}"
    return "memory://"
