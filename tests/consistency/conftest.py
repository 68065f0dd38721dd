"""Stores that several workers share."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from tests.support.redis_servers import RedisServer

numbers = itertools.count()


@pytest.fixture(params=["sqlite", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty store."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'sessions.db'}"
    server: RedisServer = request.getfixturevalue("redis")
    return f"{server.url}?prefix=test{next(numbers)}"
