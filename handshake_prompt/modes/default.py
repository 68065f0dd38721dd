"""The `default` mode: opaque keys and values, for device pairing, configuration, or anything that is no form."""

from __future__ import annotations

from typing import Any

from handshake_prompt.protocol.credentials import Role
from handshake_prompt.session import Session

from .base import ModeHandler


class DefaultHandler(ModeHandler):
    """Accepts any key. The values given at creation are open to the agent; the person's edits are theirs."""

    def context_response(self, session: Session, role: Role) -> dict[str, Any]:
        """Return `data`: the bare values."""
        return {"data": {key: session.field_record(key, role)["value"] for key in session.values}}
