"""Session store in the memory of one process: the default, and the model for the other stores."""

from .store import MemoryStore

__all__ = ["MemoryStore"]
