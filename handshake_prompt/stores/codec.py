"""MessagePack encoding of sessions and events, for stores of bytes.

A decoder skips members that it does not know, and missing ones take their defaults, so workers of neighbouring versions
can share a store.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import msgspec

from handshake_prompt.protocol.events import Event
from handshake_prompt.protocol.packing import Packed
from handshake_prompt.protocol.session import Session

T = TypeVar("T")

_PACKED = 1
"""The extension type of a packed value: the number of its parts as four bytes, then its JSON."""


def _extend(value: object) -> msgspec.msgpack.Ext:
    if type(value) is Packed:
        return msgspec.msgpack.Ext(_PACKED, value.parts.to_bytes(4) + value.json)
    raise TypeError(f"MessagePack cannot express {type(value).__name__}")


def _restore(code: int, data: memoryview) -> Packed:
    if code != _PACKED:
        raise ValueError(f"no value is kept as extension type {code}")
    return Packed(bytes(data[4:]), int.from_bytes(data[:4]))


_encoder = msgspec.msgpack.Encoder(enc_hook=_extend)
pack = _encoder.encode
"""Return any value of MessagePack as bytes."""


def decoder(kind: type[T]) -> msgspec.msgpack.Decoder[T]:
    """Return a decoder of MessagePack that knows packed values."""
    return msgspec.msgpack.Decoder(kind, ext_hook=_restore)


_sessions = decoder(Session)
_events = decoder(list[Event])


def pack_session(session: Session) -> bytes:
    """Return a session that is in no turn as bytes."""
    return _encoder.encode(session)


def unpack_session(packed: bytes) -> Session:
    """Return the session that `pack_session` packed."""
    return _sessions.decode(packed)


def pack_events(events: Sequence[Event]) -> bytes:
    """Return events as bytes."""
    return _encoder.encode(events)


def unpack_events(packed: bytes) -> list[Event]:
    """Return the events that `pack_events` packed."""
    return _events.decode(packed)
