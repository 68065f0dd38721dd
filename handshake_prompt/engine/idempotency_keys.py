"""Idempotency keys, each with the fingerprint of its request: a reply is kept by the key, and checked by the print.

SPEC.md section 4.
"""

from __future__ import annotations

import hashlib
import re
from typing import NamedTuple

import msgspec

from handshake_prompt.protocol.errors import IdempotencyMismatchError, InvalidRequestError
from handshake_prompt.protocol.messages import encode
from handshake_prompt.stores import PLAIN_VISIT, Receipt, Visit

_KEY = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)


class IdempotencyKey(NamedTuple):
    """The key of one request, and the fingerprint of its body: two bodies that mean the same have the same."""

    text: str
    fingerprint: str
    seconds: float
    """How long the reply is kept."""

    @classmethod
    def of(cls, text: str, body: object, *, seconds: float) -> IdempotencyKey:
        """Return the key of a request with a parsed body."""
        return cls(text, hashlib.sha256(msgspec.json.encode(body)).hexdigest(), seconds)

    def receipt_for(self, reply: object) -> Receipt:
        """Return the reply as a store keeps it."""
        return Receipt(self.text, self.fingerprint, encode(reply), self.seconds)

    def kept_reply(self, receipt: Receipt | None) -> bytes:
        """Return the reply to the same request, as it was kept.

        Raises:
            IdempotencyMismatchError: the key was used with another body.
        """
        if receipt is None or receipt.fingerprint != self.fingerprint:
            raise IdempotencyMismatchError
        return receipt.reply


def check_idempotency_key(text: str) -> None:
    """Check that a text can be an idempotency key.

    Raises:
        InvalidRequestError: it cannot (`invalid_idempotency_key`).
    """
    if _KEY.fullmatch(text) is None:
        raise InvalidRequestError(
            "Idempotency-Key has to be 1-255 visible ASCII characters", code="invalid_idempotency_key"
        )


def visit_for(text: str | None) -> Visit:
    """Return the visit to a store that finds the receipt of a key, too; a text that can be no key is refused later."""
    return Visit(key=text) if text and _KEY.fullmatch(text) else PLAIN_VISIT
