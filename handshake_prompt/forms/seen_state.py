"""Condition of an agent's answer on the values of a page, as far as a context tells. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def conditional(actions: Sequence[Mapping[str, Any]], context: Mapping[str, Any], seq: int | None) -> list[Any]:
    """Return actions, each of them refused if what it is about is no more as it was when its agent saw it.

    Args:
        actions: of an answer; one with a condition of its own keeps that.
        context: the values of the page by key, as they are now.
        seq: the place in the log that the agent has seen; None if that is not known, so that now counts.
    """
    return [{"ifRev": _revision(one["key"], context, seq), **one} if _writes(one) else one for one in actions]


def _writes(action: Mapping[str, Any]) -> bool:
    return action["type"] in ("set", "remove")


def _revision(key: str, context: Mapping[str, Any], seq: int | None) -> int:
    """Return the revision that a value, or the newest of a row's cells, has to have.

    A value of the agent's counts as seen: a chat that corrects itself knows of no later place than its prompt's.
    """
    records = [record for name, record in context.items() if name == key or name.startswith(f"{key}/")]
    foreign = [record["rev"] for record in records if record["by"] != "ai"]
    if seq is not None and any(rev > seq for rev in foreign):
        return seq
    return max((record["rev"] for record in records), default=0)
