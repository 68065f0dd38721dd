"""Sessions and events as bytes, for the stores that cannot keep objects.

MessagePack by msgspec: members that a reader does not know are skipped, and missing ones take their defaults, so
workers of neighbouring versions can share a store.
"""

from __future__ import annotations

import msgspec

from handshake_prompt.protocol.events import Event
from handshake_prompt.protocol.session import Session

_encoder = msgspec.msgpack.Encoder()
pack = _encoder.encode
"""Return anything that MessagePack can say as bytes."""
_sessions = msgspec.msgpack.Decoder(Session)
_events = msgspec.msgpack.Decoder(list[Event])


def pack_session(session: Session) -> bytes:
    """Return a session that is in no turn as bytes."""
    return _encoder.encode(session)


def unpack_session(packed: bytes) -> Session:
    """Return the session that `pack_session` packed."""
    return _sessions.decode(packed)


def unpack_events(packed: bytes) -> list[Event]:
    """Return the events that `pack` packed."""
    return _events.decode(packed)
