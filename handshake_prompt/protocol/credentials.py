"""Credentials: minted here, stored only as digests, compared in constant time. SPEC.md section 3."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from enum import StrEnum

import msgspec

from handshake_prompt.texts.pickup_codes import ALPHABET, LETTERS
from handshake_prompt.texts.secret import Secret

from .addresses import counted_address
from .rate_limit import Quota

COOKIE_PREFIX = "hpp_"
SECURE_COOKIE_PREFIX = "__Host-hpp_"


class Role(StrEnum):
    """The roles that a credential can prove."""

    AGENT = "agent"
    USER = "user"


def mint_session_id() -> str:
    """Return 128 random bits as 32 hexadecimal digits."""
    return secrets.token_hex(16)


def mint_token() -> Secret:
    """Return 192 random bits as 32 URL-safe characters; not led by a dash, which command lines take for an option."""
    while (token := secrets.token_urlsafe(24)).startswith("-"):
        continue
    return Secret(token)


def mint_pickup_code() -> Secret:
    """Return 60 random bits as 12 letters of Crockford's alphabet, to be read aloud."""
    return Secret("".join(secrets.choice(ALPHABET) for _ in range(LETTERS)))


def mint_epoch() -> str:
    """Return the random half of a session's cursors: two logs never share it."""
    return secrets.token_hex(4)


def mint_connection() -> str:
    """Return a name for one connection, so that its own edits are not sent back to it."""
    return secrets.token_hex(8)


def digest_token(token: str) -> str:
    """Return the hexadecimal SHA-256 of a token: the only form in which one is kept."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def matches_digest(token: str | None, expected_digest: str | None) -> bool:
    """Whether `token` is the one `expected_digest` was made from. Nothing matches a missing value."""
    if not token or not expected_digest:
        return False
    return hmac.compare_digest(digest_token(token), expected_digest)


class Credential(msgspec.Struct, frozen=True):
    """The proofs of a role in one request. Its repr shows no secret.

    Args:
        token: the agent's token from the prompt.
        user_token: the person's secret, from the session's cookie or the X-Handshake-User-Token header.
        address: the client's address, for counting failed attempts; empty when unknown.
        foreign_origin: the request comes from a page on an origin that may not act for the person.
        agent_name: the name that the agent gives itself; text to show, and proof of nothing.
        counted: the quota of a request that was admitted and counted before: it is not counted again.
    """

    token: str | None = None
    user_token: str | None = None
    address: str = ""
    foreign_origin: bool = False
    agent_name: str = ""
    counted: Quota | None = None

    @property
    def counted_address(self) -> str:
        """The name under which the address is counted; empty when it is unknown."""
        return counted_address(self.address)

    def without_agent(self) -> Credential:
        """Return the same credential with nothing in it that proves an agent."""
        return msgspec.structs.replace(self, token=None)

    @classmethod
    def of(cls, value: Credential | str | None) -> Credential:
        """Accept a bare agent token, or nothing, where a credential is expected."""
        return value if isinstance(value, Credential) else cls(token=value)

    def __repr__(self) -> str:
        return (
            f"<Credential address={self.address!r} foreign_origin={self.foreign_origin} agent_name={self.agent_name!r}>"
        )
