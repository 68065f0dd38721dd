"""Submission of a session: its form at rest, and what is told of it. SPEC.md section 8."""

from __future__ import annotations

from typing import Any

import msgspec

from .packing import unpack

CLAIMED, DONE, FAILED, UNKNOWN = "claimed", "done", "failed", "unknown"


class Submission(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A claim on what the person was shown, and its outcome."""

    id: str
    """What the host may know this very submission by, should it have to look."""
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

    @property
    def problems(self) -> list[dict[str, Any]]:
        """What the host found wrong, each an object of `keys` and `msg`."""
        found: list[dict[str, Any]] = unpack(self.kept_problems) or []
        return found

    def state_at(self, now: float) -> str:
        """Return its state: a claim whose worker has had its time counts as `unknown`."""
        return UNKNOWN if self.state == CLAIMED and self.until <= now else self.state

    def shown(self, now: float | None = None) -> dict[str, Any]:
        """Return its members on the wire, to either role."""
        members: dict[str, Any] = {"id": self.id, "state": self.state if now is None else self.state_at(now)}
        if self.kept_problems is not None:
            members["problems"] = self.kept_problems
        if self.reason:
            members["reason"] = self.reason
        return members

    def receipt(self) -> dict[str, Any]:
        """Return the person's receipt of a submission that is done."""
        members = {"ok": True, "id": self.id, "at": self.at, "digest": self.digest, "authors": self.authors}
        return members if self.kept_result is None else members | {"result": self.kept_result}
