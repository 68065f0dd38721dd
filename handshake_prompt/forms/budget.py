"""Budget of the checks of one batch: they run while a session is locked, and hold up every other."""

from __future__ import annotations

from handshake_prompt.protocol.errors import TooLargeError

STEPS = 60_000
"""Conditions looked at, some 30 ms; a keyword of an embedded schema counts as several."""


class Budget:
    """Steps that are left for the checks of one batch."""

    def __init__(self, steps: int = STEPS) -> None:
        self._left = steps

    def spend(self, steps: int) -> None:
        """Take some steps.

        Raises:
            TooLargeError: there are not so many left (`checks_too_costly`).
        """
        self._left -= steps
        if self._left < 0:
            raise TooLargeError(
                "Checking this batch against the form's conditions and schemas takes too long; nothing is written",
                code="checks_too_costly",
                next_steps=["Send the values in smaller batches."],
            )
