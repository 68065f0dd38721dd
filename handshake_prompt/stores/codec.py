"""MessagePack encoding of sessions and events, for stores of bytes.

A decoder skips members that it does not know, and missing ones take their defaults, so workers of neighbouring versions
can share a store.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from handshake_prompt.protocol.errors import StoreUnavailableError
from handshake_prompt.protocol.events import Event
from handshake_prompt.protocol.packing import Packed
from handshake_prompt.session import Session

D = TypeVar("D")
T = TypeVar("T")

logger = logging.getLogger("handshake_prompt")

_PACKED = 1
"""The extension type of a packed value: the number of its parts as four bytes, then its JSON."""


def _encode_packed(value: object) -> msgspec.msgpack.Ext:
    if type(value) is Packed:
        return msgspec.msgpack.Ext(_PACKED, value.parts.to_bytes(4) + value.json)
    raise TypeError(f"MessagePack cannot express {type(value).__name__}")


def _decode_packed(code: int, data: memoryview) -> Packed:
    if code != _PACKED:
        raise ValueError(f"no value is kept as extension type {code}")
    return Packed(bytes(data[4:]), int.from_bytes(data[:4]))


_encoder = msgspec.msgpack.Encoder(enc_hook=_encode_packed)
pack = _encoder.encode
"""Return any value of MessagePack as bytes."""


def decoder_of(kind: type[T]) -> msgspec.msgpack.Decoder[T]:
    """Return a decoder of MessagePack that knows packed values."""
    return msgspec.msgpack.Decoder(kind, ext_hook=_decode_packed)


_sessions = decoder_of(Session)
_events = decoder_of(list[Event])


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


def decode_foreign(decode: Callable[[D], T], data: D, *, place: str) -> T:
    """Decode data of a store, which may be somebody else's; `place` names it in the log.

    Raises:
        StoreUnavailableError: it could not be decoded.
    """
    try:
        return decode(data)
    except (msgspec.MsgspecError, ValueError) as error:
        raise unreadable_error(place, error) from error


def unreadable_error(place: str, error: Exception) -> StoreUnavailableError:
    """Return the error of foreign data in a store, after logging its place."""
    logger.error("The session store has something unreadable in %s: %s", place, type(error).__name__)
    return StoreUnavailableError()
