"""Errors of pickups: a code that leads nowhere, and one that was exchanged before. SPEC.md section 4."""

from __future__ import annotations

from .errors import ConflictError, NotFoundError


class PickupNotFoundError(NotFoundError):
    """404: no session has this code: it is wrong, too old, replaced, or its session is over; none is told apart."""

    code = "pickup_not_found"
    title = "There is nothing to pick up under this code"
    hint = "Check the code. If it is right, ask the person for a new one: a code is good for ten minutes, and once."


class PickupTakenError(ConflictError):
    """409: another client has exchanged this code; the person is told of the attempt."""

    code = "pickup_taken"
    title = "This code was used before"
    hint = "Ask the person for a new code, and say that this one was used: if it was not by you, they should know."
