"""What the scripts answer, as the values that a store returns. Times come as text, so that none loses its fraction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from handshake_prompt.rate_limit import Quota
from handshake_prompt.stores.base import Claim, Loaded, Log, Receipt, Record
from handshake_prompt.stores.codec import unpack_event, unpack_session

_receipts = msgspec.msgpack.Decoder(Receipt)


def loaded(reply: Sequence[Any], claims: Sequence[Claim], *, after: int | None) -> Loaded | None:
    """Return what `visit.lua` found, None if there is no such session."""
    if len(reply) == 1:
        return None
    now, version, expires, purge, packed, present, events, before, receipt, counted = reply
    session = unpack_session(packed)
    record = Record(session, int(version), float(expires), float(purge), _presence(present, float(now)))
    return Loaded(
        record,
        None if after is None else _log(events, before if before >= 0 else session.seq, after),
        None if receipt is None else _receipts.decode(receipt.split(b" ", 2)[2]),
        None if counted is None else _claimed(counted, claims),
    )


def quota(counted: Sequence[Any], *, limit: int, window: float) -> Quota:
    """Return what `count.lua` made of a request."""
    allowed, hits, left = counted[:3]
    return Quota(limit, window, bool(allowed), limit - hits, min(window, float(left)))


def _claimed(counted: Sequence[Any], claims: Sequence[Claim]) -> Quota:
    claim = claims[counted[3] - 1]
    return quota(counted, limit=claim.limit, window=claim.window)


def _log(events: Sequence[bytes], before: int, after: int) -> Log:
    """Return the part of a log that was asked for; `before` is the place before the first event that is kept."""
    return Log([unpack_event(event.partition(b":")[2]) for event in events], complete=after >= before)


def _presence(flat: Sequence[bytes], now: float) -> dict[str, int]:
    """Return who has how many watchers; a word that is older than it may be does not count."""
    words = ((worker, *word.split()) for worker, word in zip(flat[::2], flat[1::2], strict=True))
    return {worker.decode(): int(count) for worker, count, ends in words if float(ends) > now}
