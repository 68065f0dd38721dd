"""State machine of a pickup: a code open for one exchange, then taken by one client. Pure. SPEC.md section 4.

An exchange replaces the agent's token, so it is one step of the session: of any number of clients and workers one save
is first. The token is derived from the code, a salt of the session and a key of the client's (HMAC, RFC 2104). So the
same client is given the same token when it asks again, and nobody has to keep a token or a key to know it by.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from itertools import count

from msgspec.structs import replace

from handshake_prompt.protocol.credentials import digest_token, matches_digest
from handshake_prompt.protocol.events import ROTATED
from handshake_prompt.protocol.instants import format_instant
from handshake_prompt.protocol.pickup_errors import PickupNotFoundError, PickupTakenError
from handshake_prompt.texts.secret import Secret

from .pickup_record import Pickup
from .session import Session

PICKED_UP, PICKUP_REFUSED = "pickedUp", "pickupRefused"
"""Events: a code was exchanged, and somebody else has tried it since."""

MOST_TOLD = 100
"""Refused tries of one code that the log tells: all of its 512 events must not go to a stranger."""

_TOKEN_BYTES = 24


def exchange_code(session: Session, code: str, key: str, *, name: str, now: float) -> Secret | None:
    """Give the agent's token to the first client with the code, in the turn under way; None if it was not the first.

    Args:
        session: a draft of the session that the code leads to.
        code: as `read_code` returns it.
        key: known to this client alone; the same in each of its attempts.
        name: the client's for itself, "" if it gives none.
        now: on the store's clock.

    Raises:
        PickupNotFoundError: it is not the session's code any more.
    """
    pickup, token = valid_pickup(session, code, now), _derive_token(session, code, key)
    if not pickup.taken_at:
        session.token_digest = digest_token(token)
        session.notice(ROTATED)
        session.notice(PICKED_UP, name=name or None)
        session.pickup = replace(pickup, taken_at=format_instant(session.last_at), name=name)
        return token
    if matches_digest(token, session.token_digest):
        return token
    session.notice(PICKUP_REFUSED, times=pickup.refused + 1)
    session.pickup = replace(pickup, refused=pickup.refused + 1)
    return None


def token_given_before(session: Session, code: str, key: str, now: float) -> Secret | None:
    """Return the token of an exchange that was made before, by the same client; None if there is an exchange to make.

    Raises:
        PickupNotFoundError: it is not the session's code any more.
        PickupTakenError: another client was first, and has been told of as often as may be.
    """
    pickup, token = valid_pickup(session, code, now), _derive_token(session, code, key)
    if pickup.taken_at and matches_digest(token, session.token_digest):
        return token
    if pickup.refused >= MOST_TOLD:
        raise PickupTakenError
    return None


def valid_pickup(session: Session, code: str, now: float) -> Pickup:
    """Return a session's pickup if this is its code, and its time is not over.

    Raises:
        PickupNotFoundError: it is not, or it is.
    """
    pickup = session.pickup
    if pickup is None or not matches_digest(code, pickup.code_digest) or pickup.expires_at <= now:
        raise PickupNotFoundError
    return pickup


def _derive_token(session: Session, code: str, key: str) -> Secret:
    """Return the token of one client: 32 URL-safe characters, not led by a dash, as a minted one."""
    salt = session.pickup.salt if session.pickup else ""
    macs = (hmac.digest(salt.encode(), f"pickup {n} {code} {key}".encode(), "sha256") for n in count())
    tokens = (Secret(urlsafe_b64encode(mac[:_TOKEN_BYTES]).decode()) for mac in macs)
    return next(token for token in tokens if not token.startswith("-"))
