"""Presence of the agent, logged for the page: as it joins, and at intervals while it is active. SPEC.md section 7."""

from __future__ import annotations

from .session import Session

AGENT = "agent"
"""The type of its events."""
JOINED, ACTIVE, GONE = "joined", "active", "gone"

ACTIVE_EVERY = 60.0
"""Seconds between two notices that the agent is still there: each is a save, and a page needs no more."""


def is_announced(session: Session, name: str, now: float) -> bool:
    """Whether the page knows of an agent of this name well enough."""
    return name == session.agent and abs(now - session.agent_at) < ACTIVE_EVERY


def announce_agent(session: Session, name: str) -> None:
    """Log that an agent is there: `joined` under a name that is new here, else `active`, unless that is known."""
    now = session.now
    if not is_announced(session, name, now):
        session.notice(AGENT, event=ACTIVE if name == session.agent else JOINED, name=name)
        session.agent, session.agent_at = name, now
