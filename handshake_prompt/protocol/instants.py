"""Instants as text: ISO 8601 in UTC, always in the same form, so that texts compare as times do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def format_instant(microseconds: int) -> str:
    """Return a time since the epoch as ISO 8601 in UTC, always in the same form so that texts compare as times do."""
    return _second_template(microseconds // 1_000_000) % (microseconds % 1_000_000)


@lru_cache(maxsize=4)
def _second_template(second: int) -> str:
    """Return the text of a second, with a place for microseconds; all times of a batch are within one second."""
    return (_EPOCH + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%S.%%06d+00:00")


def parse_instant(text: str) -> str | None:
    """Return any ISO 8601 instant in the form of `format_instant`; None for any other text.

    A time without an offset is UTC. A `+` that a careless client left unescaped arrives as a space, and is understood.
    """
    for candidate in (text, "+".join(text.rsplit(" ", 1))):
        try:
            parsed = datetime.fromisoformat(candidate)
            known = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
            return known.astimezone(UTC).isoformat(timespec="microseconds")
        except (ValueError, OverflowError):
            continue
    return None
