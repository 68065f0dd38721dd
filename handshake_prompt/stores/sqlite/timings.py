"""Intervals and timeouts of an SQLite store."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SQLiteTimings:
    """Seconds; the defaults are for production, shorter ones for tests of faults."""

    busy_timeout: float = 2.0
    """Wait for another process that has locked the file: below the 2.5 s in which every request is answered."""
    failing_busy_timeout: float = 0.1
    """The same while the file fails, so that a lasting lock does not hold up every request."""
    busy_retry: float = 0.001
    """Between two attempts at a lock, ± 50 % of jitter. SQLite's own back-off grows to 0.1 s, unfair under load."""
    write_turn: float = 0.01
    """A process under load lets others write after this time …"""
    write_gap: float = 0.002
    """… by a gap of this length: longer than between the attempts of others."""
    poll_interval: float = 0.025
    """Between two polls for saves of other processes, which are noticed well within 50 ms. A poll of an unchanged file
    takes 0.02 ms, or 0.2 ms with the wake-up of a sleeping thread: 1 % of a processor."""
    sweep_interval: float = 5.0
    """Between two sweeps of expired rows."""
    sweep_pause: float = 0.05
    """Between two steps of one sweep, for others to write in."""
    erase_interval: float = 1.0
    """Between two checkpoints that erase ended sessions from the write-ahead log."""
    maintenance_retry: float = 1.0
    """Before maintenance that failed is tried again."""
