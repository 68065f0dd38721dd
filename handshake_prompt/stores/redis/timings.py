"""Intervals and timeouts of a Redis store."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisTimings:
    """Seconds; the defaults are for production, shorter ones for tests of faults."""

    call_timeout: float = 2.0
    """Of one call, with the wait for a connection, so that a request is answered within 2.5 s."""
    cancellation_grace: float = 0.2
    """Added to the timeout for a call that ignored its cancellation: on Python 3.11 `asyncio.wait_for`, which the
    library sends with, loses one that comes just as it is done."""
    connect_timeout: float = 1.5
    """Of opening a connection."""
    node_timeout: float = 1.0
    """Of a Cluster's node: the library has to notice that it is gone before the call's own timeout."""
    sentinel_timeout: float = 0.5
    """Of a Sentinel: the next one can still be asked."""
    breaker_pause: float = 1.0
    """Between the failure that opened a circuit breaker, or the last trial, and the next trial."""
    recovery_quiet: float = 1.0
    """Without a failure, before the log says that Redis answers again."""
    ping_interval: float = 2.0
    """Of silence on the pub/sub connection before a PING, and the time to answer it."""
    poll_interval: float = 4.0
    """In which the versions of all subscribed sessions are polled once: a lost notification is made up for within 5."""
    first_reconnect: float = 0.05
    """Back-off of the pub/sub connection, doubled with each failure, with jitter …"""
    longest_reconnect: float = 2.0
    """… up to this."""
