"""Replies of the scripts, decoded. Each begins with the server's time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from handshake_prompt.protocol.errors import VersionConflictError
from handshake_prompt.protocol.events import Event
from handshake_prompt.protocol.rate_limit import Quota
from handshake_prompt.session import Session
from handshake_prompt.stores.capacity import at_capacity
from handshake_prompt.stores.codec import decoder_of
from handshake_prompt.stores.records import Claim, Loaded, Log, Receipt, Record


class Reply(msgspec.Struct, array_like=True):
    """Reply of every script."""

    now: float


class Counted(msgspec.Struct, array_like=True):
    """Outcome of `count.lua`."""

    allowed: bool
    hits: int
    left: float
    claim: int = 0
    """The claim it was counted on, from 1."""

    def as_quota(self, *, limit: int, window: float) -> Quota:
        """Return it as a quota."""
        return Quota(limit, window, self.allowed, limit - self.hits, min(window, self.left))


class EvictReply(Reply):
    """Reply of `evict.lua`: whether the session was deleted."""

    evicted: bool


class HitReply(Reply):
    """Reply of `hit.lua`."""

    counted: Counted


class SavedReply(Reply):
    """Reply of `create.lua` and `save.lua`: the outcome, and the session's times now."""

    outcome: Literal["done", "conflict", "full"]
    expires: float = 0.0
    purge: float = 0.0

    def raise_refusal(self) -> None:
        """Raise the error of an outcome other than `done`.

        Raises:
            UnavailableError: the server is full.
            VersionConflictError: another writer was first.
        """
        if self.outcome == "full":
            raise at_capacity()
        if self.outcome == "conflict":
            raise VersionConflictError


class VisitReply(Reply):
    """Reply of `visit.lua`; nothing but the time if there is no such session."""

    version: int = -1
    expires: float = 0.0
    purge: float = 0.0
    session: Session | None = None
    presence: Sequence[str] = ()
    events: Sequence[tuple[int, Event]] = ()
    """The log after the requested place, each event with its size."""
    before: int = -1
    """The place before the first event that is kept; -1 if none is."""
    receipt: tuple[float, int, Receipt] | None = None
    counted: Counted | None = None

    def read_result(self, session_id: str, claims: Sequence[Claim], *, after: int | None) -> Loaded | None:
        """Return the result of a read, None if there is no such session.

        Raises:
            ValueError: it is another session, or its presence cannot be read.
        """
        if self.version < 0:
            return None
        if self.session is None or self.session.session_id != session_id:
            raise ValueError("another session")
        record = Record(self.session, self.version, self.expires, self.purge, _live_watchers(self.presence, self.now))
        return Loaded(
            record,
            None if after is None else self._log_after(self.before if self.before >= 0 else self.session.seq, after),
            None if self.receipt is None else self.receipt[2],
            None if self.counted is None else self._quota_of(claims, self.counted),
        )

    def _log_after(self, before: int, after: int) -> Log:
        return Log([event for _, event in self.events], complete=after >= before)

    def _quota_of(self, claims: Sequence[Claim], counted: Counted) -> Quota:
        claim = claims[counted.claim - 1]
        return counted.as_quota(limit=claim.limit, window=claim.window)


class _Head(msgspec.Struct):
    """The part of a head that is read here."""

    v: int


decode_reply = msgspec.msgpack.Decoder(Reply).decode
decode_evicted = msgspec.msgpack.Decoder(EvictReply).decode
decode_hit = msgspec.msgpack.Decoder(HitReply).decode
decode_saved = msgspec.msgpack.Decoder(SavedReply).decode
decode_visit = decoder_of(VisitReply).decode
_head = msgspec.msgpack.Decoder(_Head)


def version_of(head: bytes) -> int:
    """Return the version in a session's head."""
    return _head.decode(head).v


def _live_watchers(flat: Sequence[str], now: float) -> dict[str, int]:
    """Return the number of watchers by worker, without leases that have run out."""
    leases = ((worker, *lease.split()) for worker, lease in zip(flat[::2], flat[1::2], strict=True))
    return {worker: int(count) for worker, count, ends in leases if float(ends) > now}
