"""The protocol engine: admission, order and publication of every change."""

from .engine import ProtocolEngine
from .operations.lifecycle import Statistics

__all__ = ["ProtocolEngine", "Statistics"]
