"""Creation of sessions: `POST /session`. SPEC.md section 4."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator
from itertools import islice

from handshake_prompt.forms.mistakes import MOST_WARNINGS, body_mistakes
from handshake_prompt.modes import Modes
from handshake_prompt.protocol.bodies import CreateRequest
from handshake_prompt.protocol.credentials import Role, digest_token, mint_epoch, mint_session_id, mint_token
from handshake_prompt.protocol.errors import ForbiddenError
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.messages import CreationWarning
from handshake_prompt.protocol.mount import Mount
from handshake_prompt.protocol.replies import Reply
from handshake_prompt.protocol.validation import check_creation, check_schema
from handshake_prompt.session import Session
from handshake_prompt.session.verdict import UNKNOWN

from .access.fair_queue import HEAVY_PARTS, take_slot
from .form_validation import EDIT_PATIENCE, FormValidation
from .host.named_forms import NamedForms
from .pickups import Pickups
from .session_reply import SessionReplies
from .transactions import Transactions

logger = logging.getLogger("handshake_prompt")


class Creation:
    """Makes sessions from requests.

    Args:
        ask: asks the host, whether a session may be opened and whose it is.
        ttl: seconds a session lives after its last use.
    """

    def __init__(
        self,
        transactions: Transactions,
        ask: Callable[[Session, object], Awaitable[None]],
        modes: Modes,
        session_replies: SessionReplies,
        *,
        pickups: Pickups,
        forms: NamedForms,
        validation: FormValidation,
        ttl: float,
        limits: Limits,
    ) -> None:
        self._transactions = transactions
        self._ask = ask
        self._modes = modes
        self._session_replies = session_replies
        self._pickups = pickups
        self._forms = forms
        self._validation = validation
        self._ttl = ttl
        self._limits = limits

    async def create(
        self,
        asked: CreateRequest,
        request: object,
        mount: Mount | None,
        *,
        members: Iterable[str] = (),
        address: str = "",
    ) -> Reply:
        """Open a session, if the host's hooks let it, and return the reply with both credentials.

        Args:
            asked: the request's body.
            request: the host framework's request, for the hooks.
            mount: the place of the protocol for the client of this request.
            members: the names in the body; the reply warns of any that look misspelt.
            address: the client's, as it is counted.

        Raises:
            InvalidRequestError, TooLargeError: the request cannot be honoured.
            ForbiddenError: a hook denied.
            UnavailableError: the store is full.
        """
        if check_creation(asked, self._limits) > HEAVY_PARTS:
            await take_slot(address)
        if asked.form is not None:
            asked = self._forms.filled_in(asked)
        language = self._session_replies.prompt_language(asked.prompt, mount)
        pickup_language = self._session_replies.pickup_language(asked.pickup, asked.prompt, mount)
        token, user_token = mint_token(), mint_token()
        session = self._draft_session(asked, token=token, user_token=user_token)
        warnings = [*body_mistakes(members), *self._modes.mistakes(session), *self._stray_warnings(session)]
        await self._ask(session, request)
        self._settle_session(session)
        verdict = await self._validation.verdict_on(session, within=EDIT_PATIENCE) if session.form else UNKNOWN
        session.verdict = None if verdict.unknown else verdict
        session.commit()
        opened = await self._pickups.open_pickup(session.session_id, pickup_language) if pickup_language else None
        session.pickup = opened.pickup if opened else None
        record = await self._transactions.create(session)
        if session.form:
            self._validation.tell_when_judged(record, verdict)
        payload = self._session_replies.creation_members(record, token, mount=mount, now=self._transactions.now())
        if asked.user_token:
            payload["userToken"] = user_token
        if language:
            payload["prompt"] = self._session_replies.prompt_text(payload, session, language=language)
        if opened:
            payload["pickup"] = await self._pickups.pickup_offer(opened, record, mount)
        if warnings:
            payload["warnings"] = warnings
        return Reply(payload, user_token=user_token)

    def _stray_warnings(self, session: Session) -> Iterator[CreationWarning]:
        """Yield a warning for each value that a form by name has no field for."""
        mode = self._modes.of(session)
        strays = (key for key in session.values if not mode.has_place(session, key)) if session.form else ()
        for key in islice(strays, MOST_WARNINGS):
            yield {"key": key, "msg": "The form has no such field: correct the key, or leave the value out"}

    @staticmethod
    def _settle_session(session: Session) -> None:
        """Fix the members that hooks have set; a value no store can keep is a mistake of the host's, and denies."""
        try:
            session.settle()
        except TypeError as mistake:
            logger.error("A hook that opens a session has made a mistake, and it is denied. %s", mistake)  # noqa: TRY400
            raise ForbiddenError from mistake

    def _draft_session(self, asked: CreateRequest, *, token: str, user_token: str) -> Session:
        """Return the session that a request asks for, in its first turn."""
        mode, now = asked.mode or "default", self._transactions.now()
        handler = self._modes.named(mode, asked.schema)
        if not getattr(handler, "checks_schema", False):  # a mode is any object with the methods
            check_schema(asked.schema or (), self._limits)
        session = Session(
            session_id=mint_session_id(),
            mode=mode,
            form=asked.form or "",
            epoch=mint_epoch(),
            token_digest=digest_token(token),
            user_digest=digest_token(user_token),
            created_at=now,
            deadline=now + self._limits.max_lifetime,
            ttl=self._ttl,
            kept_meta=asked.meta or {},
            turn=self._transactions.turn(Role.USER),
        )
        handler.setup_session(session, asked)
        return session
