"""Problems of a session's form: those that the page reports, and all of them as they are told. SPEC.md section 5."""

from __future__ import annotations

from typing import Any

from .session import Session
from .verdict import Verdict


def problem_members(session: Session, verdict: Verdict) -> dict[str, Any]:
    """Return the members that tell a session's problems: those of its page, and those of the form's validator."""
    told: dict[str, Any] = {"problems": [*map(_reported, session.page_problems.items()), *verdict.problems]}
    if verdict.unknown:
        told["problemsUnknown"] = True
    return told


def _reported(problem: tuple[str, str]) -> dict[str, Any]:
    key, msg = problem
    return {"keys": [key] if key else [], "msg": msg}
