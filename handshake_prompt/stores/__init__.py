"""Session stores, and every name that the author of another store needs.

A store is a subclass of `SessionStore`. `handshake_prompt.testing.StoreContract` tests it.
"""

from handshake_prompt.protocol.errors import StoreUnavailableError, UnavailableError, VersionConflictError
from handshake_prompt.protocol.events import Change, Event, Notice
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.rate_limit import Quota, Window, hit
from handshake_prompt.session import Session

from .base import PRESENCE_SECONDS, SessionStore
from .capacity import Urgency, at_capacity, check_room
from .codec import pack_events, pack_session, unpack_events, unpack_session
from .memory import MemoryStore
from .records import PLAIN_VISIT, Claim, Loaded, Log, Receipt, Record, Visit, first_valid_claim, owner_digest
from .subscribers import Subscriber, Subscribers
from .urls import open_store

__all__ = [
    "PLAIN_VISIT",
    "PRESENCE_SECONDS",
    "Change",
    "Claim",
    "Event",
    "Limits",
    "Loaded",
    "Log",
    "MemoryStore",
    "Notice",
    "Quota",
    "Receipt",
    "Record",
    "Session",
    "SessionStore",
    "StoreUnavailableError",
    "Subscriber",
    "Subscribers",
    "UnavailableError",
    "Urgency",
    "VersionConflictError",
    "Visit",
    "Window",
    "at_capacity",
    "check_room",
    "first_valid_claim",
    "hit",
    "open_store",
    "owner_digest",
    "pack_events",
    "pack_session",
    "unpack_events",
    "unpack_session",
]
