"""Verdict of a form's validator on a session's values, kept with them. SPEC.md section 5."""

from __future__ import annotations

from typing import Any

import msgspec


class Verdict(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The problems of a form as a whole, each an object of `keys` and `msg`.

    It is about the values as they were at the place `seq` of the log. `unknown` says that the validator made no
    statement: it failed, or took too long.
    """

    problems: tuple[dict[str, Any], ...] = ()
    seq: int = 0
    unknown: bool = False

    def at(self, seq: int) -> Verdict:
        """Return the same verdict at another place of the log, behind which no value has changed."""
        return Verdict(self.problems, seq, self.unknown)

    def agrees_with(self, other: Verdict | None) -> bool:
        """Whether another verdict says the same."""
        return other is not None and (self.problems, self.unknown) == (other.problems, other.unknown)


UNKNOWN = Verdict(unknown=True)
"""No statement."""
NO_PROBLEMS = Verdict()
"""The verdict on values that no form by name is about."""
