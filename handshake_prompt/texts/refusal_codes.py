"""Outcomes of actions: the refused ones, and their codes. SPEC.md section 4.

A code that is none of the protocol's is text of a server's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .quoting import quote

REFUSAL_CODES = frozenset(
    {
        "invalid_value",
        "missing_key",
        "not_shown",
        "person_only",
        "read_only",
        "session_full",
        "stale",
        "unknown_field",
        "unknown_row",
        "unsupported_action",
        "user_locked",
        "vetoed",
    }
)


def code_text(code: object) -> str:
    """Return the code of a refused action: as it is if it is one of the protocol's, else quoted."""
    return code if isinstance(code, str) and code in REFUSAL_CODES else quote(code)


def is_refused(result: Mapping[str, Any]) -> bool:
    """Whether an entry of `results` is that of a refused action."""
    return result.get("status") not in ("applied", "suggested")
