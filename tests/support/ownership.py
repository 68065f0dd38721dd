"""The ownership table as SPEC.md section 5 prints it: the sequential model that logs are replayed through.

Written from the document and not from the package, so that the two can disagree.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LOCKED = frozenset({"user", "user_edit"})
"""Whose values an agent's write is refused."""
EDITED = {"empty": "user", "default": "user", "user": "user", "ai": "user_edit", "user_edit": "user_edit"}
"""Whose a value was -> whose it is once the person has written it."""


class Table:
    """Values with their authors and revisions."""

    def __init__(self, initial: Mapping[str, Mapping[str, Any]]) -> None:
        self.records = {key: dict(record) for key, record in initial.items()}

    def by(self, key: str) -> str:
        """Return whose the value of a field is."""
        return str(self.records[key]["by"]) if key in self.records else "empty"

    def value(self, key: str) -> Any:
        """Return the value of a field."""
        return self.records[key]["value"] if key in self.records else None

    def refusal(self, action: Mapping[str, Any]) -> str | None:
        """Return the code that an agent's action is refused with, None if it is applied."""
        key = action["key"]
        if self.by(key) in LOCKED:
            return "user_locked"
        rev = self.records[key]["rev"] if key in self.records else 0
        return "stale" if action.get("ifRev", rev) != rev else None

    def rejected(self, action: Mapping[str, Any], code: str) -> dict[str, Any]:
        """Return the entry of `results` for an action that is refused, without its text."""
        current = {"current": dict(self.records[action["key"]])} if action["key"] in self.records else {}
        return {"key": action["key"], "status": "rejected", "code": code, **current}

    def put(self, event: Mapping[str, Any]) -> None:
        """Take over what a logged change says."""
        members = {name: event[name] for name in ("value", "by", "at")}
        self.records[event["key"]] = {**members, "rev": event["seq"]}
