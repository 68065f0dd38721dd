"""JSON Schema of flags: a value is any sum of the members, where the libraries' own schemas list the members alone."""

from __future__ import annotations

from enum import Flag
from typing import Any, TypeGuard


def is_flag(kind: object) -> TypeGuard[type[Flag]]:
    """Whether a class is one of flags."""
    return isinstance(kind, type) and issubclass(kind, Flag)


def schema_of_flag(kind: type[Flag]) -> dict[str, Any]:
    """Return the schema of a class of flags; it says which number each stands for."""
    members = ", ".join(f"{name} = {member.value}" for name, member in kind.__members__.items())
    return {"title": kind.__name__, "type": "integer", "description": f"The sum of any of {members}"}
