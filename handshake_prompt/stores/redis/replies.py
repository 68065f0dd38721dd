"""What the scripts answer, as the values that a store returns. Each answer begins with the server's time."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from handshake_prompt.protocol.events import Event
from handshake_prompt.protocol.rate_limit import Quota
from handshake_prompt.protocol.session import Session
from handshake_prompt.stores.base import Claim, Loaded, Log, Receipt, Record
from handshake_prompt.stores.codec import decoder


class Told(msgspec.Struct, array_like=True):
    """What every script tells."""

    now: float


class Counted(msgspec.Struct, array_like=True):
    """What `count.lua` made of a request."""

    allowed: bool
    hits: int
    left: float
    claim: int = 0
    """Which of the claims it was counted on, from 1."""

    def quota(self, *, limit: int, window: float) -> Quota:
        """Return what the request is told."""
        return Quota(limit, window, self.allowed, limit - self.hits, min(window, self.left))


class Hit(Told):
    """What `hit.lua` tells."""

    counted: Counted


class Kept(Told):
    """What `create.lua` and `save.lua` tell: whether it was done, and the session's times now."""

    done: bool
    expires: float = 0.0
    purge: float = 0.0


class Visited(Told):
    """What `visit.lua` tells; nothing but the time of a session that is not there."""

    version: int = 0
    expires: float = 0.0
    purge: float = 0.0
    session: Session | None = None
    presence: Sequence[str] = ()
    events: Sequence[tuple[int, Event]] = ()
    """The events that were asked for, with their sizes."""
    before: int = -1
    """The place before the first event that is kept; -1 if none is."""
    receipt: tuple[float, int, Receipt] | None = None
    counted: Counted | None = None

    def loaded(self, claims: Sequence[Claim], *, after: int | None) -> Loaded | None:
        """Return what was found, None if there is no such session."""
        if self.session is None:
            return None
        record = Record(self.session, self.version, self.expires, self.purge, _presence(self.presence, self.now))
        return Loaded(
            record,
            None if after is None else self._log(self.before if self.before >= 0 else self.session.seq, after),
            None if self.receipt is None else self.receipt[2],
            None if self.counted is None else self._quota(claims, self.counted),
        )

    def _log(self, before: int, after: int) -> Log:
        return Log([event for _, event in self.events], complete=after >= before)

    def _quota(self, claims: Sequence[Claim], counted: Counted) -> Quota:
        claim = claims[counted.claim - 1]
        return counted.quota(limit=claim.limit, window=claim.window)


class _Head(msgspec.Struct):
    """What of a head is read here."""

    v: int


told = msgspec.msgpack.Decoder(Told).decode
hit = msgspec.msgpack.Decoder(Hit).decode
kept = msgspec.msgpack.Decoder(Kept).decode
visited = decoder(Visited).decode
_head = msgspec.msgpack.Decoder(_Head)


def version_of(head: bytes) -> int:
    """Return the version in what is kept of a session under its first key."""
    return _head.decode(head).v


def _presence(flat: Sequence[str], now: float) -> dict[str, int]:
    """Return who has how many watchers; a word that is older than it may be does not count."""
    words = ((worker, *word.split()) for worker, word in zip(flat[::2], flat[1::2], strict=True))
    return {worker: int(count) for worker, count, ends in words if float(ends) > now}
