"""Pickup of a session: its form at rest and on the wire. SPEC.md section 4."""

from __future__ import annotations

from typing import Any

import msgspec


class Pickup(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A one-time code, of which nothing but the digest is kept, and the outcome of its exchange."""

    code_digest: str
    salt: str
    """192 random bits: the agent's token is made of them, the code and the key of the client that exchanges it."""
    expires_at: float
    """On the store's clock."""
    until: str
    """The same as an instant, for people."""
    language: str
    """Of the prompt."""
    taken_at: str = ""
    """An instant; "" while nobody has exchanged the code."""
    name: str = ""
    """The name that the client gave itself."""
    refused: int = 0
    """Tries of others since then."""

    @property
    def record_id(self) -> str:
        """The name of the record that leads from the code to the session."""
        return self.code_digest[:32]

    def wire_members(self) -> dict[str, Any]:
        """Return its members on the wire, to the person."""
        members: dict[str, Any] = {"taken": bool(self.taken_at), "expiresAt": self.until, "refused": self.refused}
        if self.taken_at:
            members["at"] = self.taken_at
        return members | ({"name": self.name} if self.name else {})
