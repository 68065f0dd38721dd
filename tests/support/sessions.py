"""A session to put into stores and under transitions."""

from __future__ import annotations

from typing import Any

from handshake_prompt.session import Session


def blank_session(session_id: str = "5" * 32, **members: Any) -> Session:
    """Return a session of the default mode without values, that lives as good as for ever."""
    given = {"mode": "default", "epoch": "0a1b2c3d", "token_digest": "a", "user_digest": "u"}
    times = {"created_at": 0.0, "deadline": 1e9, "ttl": 1e9}
    return Session(session_id=session_id, **(given | times | members))
