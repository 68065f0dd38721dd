"""Sessions to put into stores and under transitions, and what a store has of one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from handshake_prompt.protocol.events import Event
from handshake_prompt.session import Session
from handshake_prompt.stores import Record, SessionStore


def blank_session(session_id: str = "5" * 32, **members: Any) -> Session:
    """Return a session of the default mode without values, that lives as good as for ever."""
    given = {"mode": "default", "epoch": "0a1b2c3d", "token_digest": "a", "user_digest": "u"}
    times = {"created_at": 0.0, "deadline": 1e9, "ttl": 1e9}
    return Session(session_id=session_id, **(given | times | members))


async def record_of(store: SessionStore, session_id: str) -> Record:
    """Return what a store keeps of a session."""
    loaded = await store.load(session_id)
    assert loaded is not None
    return loaded.record


async def log_of(store: SessionStore, session_id: str) -> Sequence[Event]:
    """Return all that a store still has of a session's log."""
    loaded = await store.load(session_id, after=0)
    assert loaded is not None
    assert loaded.log is not None
    return loaded.log.events
