"""State and transitions of a session, without I/O: its values and rows, its requests, its submission, its pickup."""

from .session import CLOSED, EXPIRED, REVOKED, SUBMITTED, Session
from .turn import Turn

__all__ = ["CLOSED", "EXPIRED", "REVOKED", "SUBMITTED", "Session", "Turn"]
