"""Keyed digests of the state shown to a person: each answer and submission is bound to exactly one.

The key is never given to an agent. So a digest tells it nothing of a hidden value: it can check no guess.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from handshake_prompt.protocol.packing import to_json

from .session import Session


def request_digest(session: Session, content: Mapping[str, Any]) -> str:
    """Return the digest of a request's content, its members in their order."""
    return _keyed_digest(session, b"request", to_json(content))


def answer_digest(session: Session, values: Mapping[str, Any]) -> str:
    """Return the digest of an answer's values: a repeated answer is known by it, and nothing of a secret is kept."""
    return _keyed_digest(session, b"answer", to_json(sorted(values.items())))


def state_digest(session: Session) -> str:
    """Return the digest of a form's state: its schema, each value with author and revision, and the order of rows.

    The schema says which values are on show, and so are handed over.

    A value written again is another state, even if it is the same: so no two digests tell an agent whether two hidden
    values are equal.
    """
    return _keyed_digest(session, b"state", to_json((session.values, session.rows)) + session.schema_json)


def is_same(digest: str, expected: str) -> bool:
    """Whether two digests are equal, compared in constant time."""
    return hmac.compare_digest(digest.encode("utf-8", "surrogatepass"), expected.encode())


def _keyed_digest(session: Session, purpose: bytes, content: bytes) -> str:
    """Return a digest under a key of the session (keyed BLAKE2b, RFC 7693): the server's half of the person's proof."""
    key = session.user_digest.encode()[: hashlib.blake2b.MAX_KEY_SIZE]
    return hashlib.blake2b(content, digest_size=32, key=key, person=purpose).hexdigest()
