"""Pickups: one-time codes that lead to a session, and their exchange for its prompt. SPEC.md section 4.

A code is kept as its digest: in the session, which decides about its exchange, and as the name of a record of its own,
which leads there. So any store finds a session by its code and learns nothing new, and one versioned save of the
session makes one exchange of any number.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from handshake_prompt.protocol.bodies import PickupRequest
from handshake_prompt.protocol.credentials import Role, digest_token, mint_pickup_code, mint_token
from handshake_prompt.protocol.errors import RateLimitedError, SessionNotFoundError, SessionSubmittedError
from handshake_prompt.protocol.instants import format_instant
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.messages import whole_seconds
from handshake_prompt.protocol.mount import Mount
from handshake_prompt.protocol.pickup_errors import PickupNotFoundError, PickupTakenError
from handshake_prompt.protocol.session_messages import PickupOffer
from handshake_prompt.session import Session, pickup
from handshake_prompt.session.pickup_record import Pickup
from handshake_prompt.stores import Loaded, Record, SessionStore
from handshake_prompt.texts.pickup_codes import group_letters
from handshake_prompt.texts.secret import Secret

from .access.guard import Admission
from .qr_code import qr_code
from .session_reply import SessionReplies
from .transactions import Transactions, Transition

_SEGMENT = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,254}")
"""A key that can stand in a path as it is."""


class Opened(NamedTuple):
    """A code, and its pickup."""

    code: str
    pickup: Pickup


class Exchange(NamedTuple):
    """A code that was exchanged, by the client with this key: the agent's token, and the session."""

    code: str
    key: str
    token: Secret
    record: Record
    language: str


class Preview(NamedTuple):
    """The address of an open pickup, and the language of its prompt."""

    url: str
    language: str


class Pickups:
    """Opens pickups, and exchanges their codes."""

    def __init__(
        self, store: SessionStore, transactions: Transactions, session_replies: SessionReplies, *, limits: Limits
    ) -> None:
        self._store = store
        self._transactions = transactions
        self._session_replies = session_replies
        self._limits = limits

    async def open_pickup(self, session_id: str, language: str) -> Opened:
        """Mint a code, and keep the record that leads from it to a session; the session has to be given the pickup.

        Raises:
            UnavailableError: the store is full.
        """
        code, now, lasts = mint_pickup_code(), self._store.now(), self._limits.pickup_seconds
        opened = Pickup(
            code_digest=digest_token(code),
            salt=str(mint_token()),
            expires_at=now + lasts,
            until=format_instant(round((self._transactions.wall_time() + lasts) * 1e6)),
            language=language,
        )
        sign = Session(
            session_id=opened.record_id,
            leads_to=session_id,
            mode="",
            epoch="",
            token_digest="",
            user_digest="",
            created_at=now,
            deadline=opened.expires_at,
            ttl=lasts,
        )
        await self._store.create(Record(sign, version=0, expires_at=opened.expires_at, purge_at=opened.expires_at))
        return Opened(code, opened)

    async def replace_pickup(self, admission: Admission, asked: PickupRequest, mount: Mount | None) -> PickupOffer:
        """Give a session a new code in the place of any other.

        Raises:
            InvalidRequestError: there is no such language (`unknown_language`), or no address (`no_base_url`).
            HandshakeError: see `open_pickup` and `Transactions.apply`.
        """
        language = self._session_replies.pickup_language(asked, None, mount)
        opened = await self.open_pickup(admission.session_id, language or "")

        def play(draft: Record) -> None:
            draft.session.pickup = opened.pickup

        transition = Transition(play, self._transactions.turn(admission.role))
        record = (await self._transactions.apply(admission.session_id, transition)).record
        return await self.pickup_offer(opened, record, mount)

    async def pickup_offer(self, opened: Opened, record: Record, mount: Mount | None) -> PickupOffer:
        """Return a code, its address and its drawing for the person to pass on."""
        code = group_letters(opened.code)
        url = self._session_replies.pickup_url(code, mount)
        left = min(opened.pickup.expires_at, record.expires_at) - self._store.now()
        told: PickupOffer = {
            "url": url,
            "code": code,
            "expiresAt": opened.pickup.until,
            "expiresIn": whole_seconds(left),
        }
        svg = await qr_code(url)
        return {**told, "svg": svg} if svg else told

    async def exchange_code(self, code: str, key: str | None, *, name: str) -> Exchange:
        """Give the agent's token to the first client with a code, and to that client as often as it asks.

        Args:
            code: as `read_code` returns it.
            key: known to this client alone, and the same in each of its attempts; None if it makes one.
            name: the client's for itself.

        Raises:
            PickupNotFoundError: it leads to no session.
            PickupTakenError: another client was first; the person is told.
            HandshakeError: see `Transactions.apply`.
        """
        loaded = await self._load_session(code)
        found = pickup.valid_pickup(loaded.record.session, code, self._store.now())
        key = Secret(key) if key else mint_token()
        token, record = await self._token_for_client(loaded, code, key, name=name)
        return Exchange(code, key, token, record, found.language)

    def check_address(self, mount: Mount | None) -> None:
        """Check that there is an address for a prompt.

        Raises:
            InvalidRequestError: there is none (`no_base_url`).
        """
        self._session_replies.check_address(mount)

    def exchange_prompt(self, exchange: Exchange, mount: Mount | None) -> str:
        """Return the prompt for a client: with a new exchange or a repeated one, the session is in it as it is now."""
        replies, session = self._session_replies, exchange.record.session
        created = replies.creation_members(exchange.record, exchange.token, mount=mount, now=self._store.now())
        again = self._repeat_url(exchange.code, exchange.key, mount)
        return replies.prompt_text(created, session, language=exchange.language, again=again)

    async def preview_pickup(self, code: str, mount: Mount | None) -> Preview:
        """Return the address of a pickup that is open, and leave it so.

        Raises:
            PickupNotFoundError: the code leads to no session.
            PickupTakenError: it was exchanged.
        """
        session = (await self._load_session(code)).record.session
        found = pickup.valid_pickup(session, code, self._store.now())
        if found.taken_at:
            raise PickupTakenError
        return Preview(self._session_replies.pickup_url(group_letters(code), mount), found.language)

    def _repeat_url(self, code: str, key: str, mount: Mount | None) -> Secret:
        """Return the address of one client's exchange; its key goes by header if it is none for a path."""
        path = f"{group_letters(code)}/{key}" if _SEGMENT.fullmatch(key) else group_letters(code)
        return Secret(self._session_replies.pickup_url(path, mount))

    async def _token_for_client(self, loaded: Loaded, code: str, key: str, *, name: str) -> tuple[Secret, Record]:
        """Return the agent's token for a client, if it is the first with the code, and the session with that token."""
        session, now = loaded.record.session, self._store.now
        token = pickup.token_given_before(session, code, key, now())
        if token is not None:
            await self._count_repetition(session)
            return token, loaded.record

        def play(draft: Record) -> Secret | None:
            return pickup.exchange_code(draft.session, code, key, name=name, now=now())

        is_first = not pickup.valid_pickup(session, code, now()).taken_at
        transition = Transition(play, self._transactions.turn(Role.AGENT), renews=is_first)
        try:
            token, record = await self._transactions.apply(session.session_id, transition, known=loaded)
        except (SessionNotFoundError, SessionSubmittedError):
            raise PickupNotFoundError from None
        if token is None:
            raise PickupTakenError
        return token, record

    async def _count_repetition(self, session: Session) -> None:
        """Count a repeated exchange, which reads the session, as a request of its agent's.

        Raises:
            RateLimitedError: it is one too many.
        """
        counter, limit = f"{Role.AGENT}:{session.session_id}", self._limits.agent_requests
        quota = await self._store.hit(counter, limit=limit, window=self._limits.rate_window)
        if not quota.allowed:
            raise RateLimitedError(retry_after=quota.reset_after)

    async def _load_session(self, code: str) -> Loaded:
        """Return the session that a code leads to.

        Raises:
            PickupNotFoundError: there is none, or it is over.
        """
        sign = await self._store.load(digest_token(code)[:32])
        if sign is None or not sign.record.session.leads_to:
            raise PickupNotFoundError
        try:
            return await self._transactions.read(sign.record.session.leads_to)
        except (SessionNotFoundError, SessionSubmittedError):
            raise PickupNotFoundError from None
