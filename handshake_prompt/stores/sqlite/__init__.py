"""Session store in an SQLite file: it survives restarts, and the workers of one machine share it."""

from .store import SQLiteStore
from .timings import SQLiteTimings

__all__ = ["SQLiteStore", "SQLiteTimings"]
