"""The protocol engine: who may do what, in which order, and who is told."""

from .engine import ProtocolEngine, Statistics

__all__ = ["ProtocolEngine", "Statistics"]
