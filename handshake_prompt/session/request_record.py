"""Request of an agent to the person: its form at rest and on the wire, and the ways it ends. SPEC.md section 5."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.packing import unpack

OPEN, ANSWERED, DECLINED = "open", "answered", "declined"
WITHDRAWN, EXPIRED, SUPERSEDED = "withdrawn", "expired", "superseded"

ASKED, LAPSED = "asked", "lapsed"
"""Events. An expired request is logged as `lapsed`: to a page of version 1.0 `expired` is the session's end."""


class Step(NamedTuple):
    """A way out of the open state: its author (None: by itself), the status from then on, and the event logged."""

    by: Role | None
    status: str
    event: str


STEPS = {
    "accept": Step(Role.USER, ANSWERED, "answered"),
    "decline": Step(Role.USER, DECLINED, "answered"),
    "withdraw": Step(Role.AGENT, WITHDRAWN, "withdrawn"),
    "supersede": Step(None, SUPERSEDED, "withdrawn"),
    "expire": Step(None, EXPIRED, LAPSED),
}


class Request(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A request of an agent. Members that its kind does not use are None."""

    id: str = ""
    """The cursor of its `asked` event: no other request of the session ever has it."""
    kind: str
    name: str = ""
    """The name that the agent gives itself."""
    text: str | None = None
    kept_fields: Any = msgspec.field(default=None, name="fields")
    """The fields to answer in, as `packing.pack` keeps them."""
    key: str | None = None
    """The field of the form in question."""
    kept: Any = msgspec.field(default=None, name="value")
    """The value suggested, as `packing.pack` keeps it; null is one too."""
    reason: str | None = None
    source: str | None = None
    confidence: float | None = None
    rev: int | None = None
    """The revision of the value at the time of a suggestion; None where nothing is suggested."""
    opened_at: str = ""
    expires_at: str = ""
    digest: str = ""
    until: float = 0.0
    """When its time is over, on the store's clock."""
    sensitive: bool = False
    pasted: bool = False
    """Whether it is from an answer that the person pasted: its agent hears of the end from the person alone."""
    row: str | None = None
    """The row around the field."""
    status: str = OPEN
    opened: int = 0
    ended: int = 0
    """The `seq` of its first event, and of its last."""
    read_at: float = 0.0
    """When the agent was first sent its end, on the store's clock."""
    answered_by: str = ""
    """The digest of the values of its acceptance."""
    kept_answer: Any = msgspec.field(default=None, name="answer")
    size: int = 0
    """Bytes of its content and its answer."""

    @property
    def value(self) -> Any:
        """The plain value suggested."""
        return unpack(self.kept)

    def content(self) -> dict[str, Any]:
        """Return the members shown to the person and covered by the digest."""
        members = {
            "id": self.id,
            "kind": self.kind,
            "name": self.name,
            "text": self.text,
            "fields": self.kept_fields,
            "key": self.key,
            "reason": self.reason,
            "source": self.source,
            "confidence": self.confidence,
            "rev": self.rev,
            "openedAt": self.opened_at,
            "expiresAt": self.expires_at,
        }
        given = {name: member for name, member in members.items() if member is not None}
        return given if self.rev is None else given | {"value": self.kept}

    def status_at(self, now: float) -> str:
        """Return its status, whether or not the log knows already that its time is over."""
        return EXPIRED if self.status == OPEN and self.until <= now else self.status

    def wire_members(self, role: Role, now: float) -> dict[str, Any]:
        """Return its members on the wire, as `role` may see them."""
        members = self.content() | {"status": self.status_at(now), "digest": self.digest}
        if self.pasted:
            members["pasted"] = True
        if self.sensitive:
            members["sensitive"] = True
            if role is Role.AGENT and "value" in members:
                members["value"] = None
        if self.kept_answer is not None:
            members["answer"] = self.kept_answer
        return members
