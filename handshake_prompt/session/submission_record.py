"""Submission of a session: its form at rest and on the wire. SPEC.md section 8."""

from __future__ import annotations

from typing import Any

import msgspec

from handshake_prompt.protocol.packing import unpack

CLAIMED, DONE, FAILED, UNKNOWN = "claimed", "done", "failed", "unknown"


class Submission(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A claim on the state shown to the person, and its outcome."""

    id: str
    """A name for the host's own records, to look an unknown outcome up by."""
    digest: str
    until: float
    """When the claim's worker counts as dead, on the store's clock."""
    state: str = CLAIMED
    at: str = ""
    authors: dict[str, str] = {}
    """key -> author of the value submitted."""

    kept_result: Any = msgspec.field(default=None, name="result")
    kept_problems: Any = msgspec.field(default=None, name="problems")
    reason: str = ""
    seq: int = 0
    """The place in the log of the host's refusal."""

    @property
    def problems(self) -> list[dict[str, Any]]:
        """The faults found by the host, each an object of `keys` and `msg`."""
        found: list[dict[str, Any]] = unpack(self.kept_problems) or []
        return found

    def state_at(self, now: float) -> str:
        """Return its state: a claim past its deadline counts as `unknown`."""
        return UNKNOWN if self.state == CLAIMED and self.until <= now else self.state

    def wire_members(self, now: float | None = None) -> dict[str, Any]:
        """Return its members on the wire, to either role."""
        members: dict[str, Any] = {"id": self.id, "state": self.state if now is None else self.state_at(now)}
        if self.kept_problems is not None:
            members["problems"] = self.kept_problems
        if self.reason:
            members["reason"] = self.reason
        return members

    def receipt(self) -> dict[str, Any]:
        """Return the person's receipt of a completed submission."""
        members = {"ok": True, "id": self.id, "at": self.at, "digest": self.digest, "authors": self.authors}
        return members if self.kept_result is None else members | {"result": self.kept_result}
