"""Sessions in a file: they survive restarts, and the workers of one machine share them."""

from .store import SQLiteStore

__all__ = ["SQLiteStore"]
