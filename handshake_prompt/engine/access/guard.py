"""Guard of every operation: authentication, rate limit, authorization, before a body is read. SPEC.md sections 3 and 9.

The order is fixed: origin, credential, rate, role. Nothing unauthenticated is parsed, refreshed or counted against
the rightful holder, and a stranger cannot tell an ended session from one that never was.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from enum import Enum
from functools import partial

import msgspec

from handshake_prompt.protocol.credentials import Credential, Role, digest_token, matches_digest
from handshake_prompt.protocol.errors import (
    AgentRequiredError,
    HandshakeError,
    InvalidTokenError,
    OriginError,
    RateLimitedError,
    UserRequiredError,
)
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.rate_limit import Quota
from handshake_prompt.session import SUBMITTED, Session
from handshake_prompt.stores import PLAIN_VISIT, Claim, Loaded, Record, SessionStore, Visit

from .attempts import Attempts, counted_so_far
from .host_login import Check, HostLogin
from .login_lease import LoginLease

_EITHER = frozenset(Role)
_AGENT = frozenset({Role.AGENT})
_USER = frozenset({Role.USER})


class Operation(Enum):
    """Operations on a session, each with the roles that may ask for it. To create one takes an allowed origin alone."""

    STATUS = "status", _EITHER
    CONTEXT = "context", _EITHER
    DIFF = "diff", _EITHER
    WATCH = "watch", _EITHER
    EXTEND = "extend", _EITHER
    ACTION = "action", _AGENT
    NOTIFY = "notify", _USER
    OPTIONS = "options", _EITHER
    PASTE = "paste", _USER
    ASK = "ask", _AGENT
    WITHDRAW = "withdraw", _AGENT
    ANSWER = "answer", _USER
    REVERT = "revert", _USER
    SUBMIT = "submit", _USER
    PICKUP = "pickup", _USER
    ROTATE = "rotate", _USER
    REVOKE = "revoke", _USER

    def __init__(self, _: str, roles: frozenset[Role]) -> None:
        self.roles = roles
        """The roles that may do this."""


AFTERWARDS = {Operation.STATUS, Operation.SUBMIT}
"""Operations on a session that was submitted: how it stands, and its receipt."""


class Admission(msgspec.Struct, frozen=True):
    """A request that passed: its session, its role, and the rest of its quota.

    `loaded` is the session as it was at that moment, not to be changed; `request` is the host framework's, for the
    hooks; `agent_name` is the name an agent gives itself, "" if it gives none or the role is the person's.
    """

    loaded: Loaded
    role: Role
    quota: Quota
    request: object = None
    agent_name: str = ""

    @property
    def record(self) -> Record:
        """The session's record as it was when the request was admitted."""
        return self.loaded.record

    @property
    def session(self) -> Session:
        """The session as it was when the request was admitted."""
        return self.loaded.record.session

    @property
    def session_id(self) -> str:
        """Its id."""
        return self.record.session.session_id

    def confirm_credential(self, session: Session) -> None:
        """Make sure, where it counts, that the credential is still the session's: it may have been replaced since.

        Raises:
            InvalidTokenError: it was.
        """
        if self.role is Role.AGENT and session.token_digest != self.session.token_digest:
            raise InvalidTokenError


class Guard:
    """Admits requests.

    Args:
        store: where sessions and counters live.
        limits: the rates.
        login: the host's own proof of the user role; where it is given, it decides alone, and neither cookie nor header
            makes a person.
    """

    def __init__(self, store: SessionStore, *, limits: Limits, login: Check | None = None) -> None:
        self._store = store
        self._limits = limits
        self._attempts = Attempts(store, limits, with_cookies=login is None)
        self._host_login = HostLogin(login, self._attempts) if login else None

    async def admit_creation(self, credential: Credential) -> None:
        """Let a page open a session.

        Raises:
            OriginError: the page is on a foreign origin.
            RateLimitedError: too many sessions from one address.
        """
        if credential.foreign_origin:
            raise OriginError
        if credential.address:
            limit, window = self._limits.creates_per_address, self._limits.rate_window
            _check_quota(await self._store.hit(f"create:{credential.counted_address}", limit=limit, window=window))

    async def admit_stranger(self, credential: Credential) -> None:
        """Let a client say something that names no session yet.

        Raises:
            RateLimitedError: too many messages from one address.
        """
        if credential.address:
            limit, window = self._limits.messages_per_address, self._limits.rate_window
            _check_quota(await self._store.hit(f"message:{credential.counted_address}", limit=limit, window=window))

    async def charge_code(self, credential: Credential, wrong: HandshakeError) -> HandshakeError:
        """Count a code that leads nowhere, and return its answer: `wrong`, or that there were too many."""
        return await self._attempts.charge_code(credential, wrong)

    async def admit(
        self,
        operation: Operation,
        session_id: str,
        credential: Credential,
        request: object = None,
        *,
        visit: Visit = PLAIN_VISIT,
    ) -> Admission:
        """Admit a request, or say why not. The results of its other reads from the store come with the admission.

        Args:
            operation: the operation asked for.
            session_id: the session.
            credential: the proofs that the request brings.
            request: the host framework's.
            visit: reads and renewals that it needs of the store besides the session's record.

        Raises:
            OriginError, InvalidTokenError, AgentRequiredError, UserRequiredError: 403.
            SessionNotFoundError: 404, with the true reason, for the holder of a credential of a session that has ended.
            RateLimitedError: 429.
        """
        if credential.foreign_origin and (credential.user_token or operation.roles == _USER):
            raise OriginError
        if not _SESSION_ID.fullmatch(session_id):
            raise await self._attempts.charge_failure(None, credential)
        brought = self._brought_digests(credential)
        claims = self._claims_of(operation, credential, brought)
        loaded = await self._store.visit(session_id, visit, claims=claims)
        if loaded is None or loaded.record.session.leads_to:
            raise await self._attempts.charge_failure(session_id, credential)
        roles = _proven_roles(loaded.record.session, brought)
        if self._host_login is not None and not roles == operation.roles == _AGENT:
            roles |= await self._proven_by_host(
                self._host_login, loaded.record.session, credential, is_agent=bool(roles), request=request
            )
        if not roles:
            raise await self._attempts.charge_failure(session_id, credential)
        ended = loaded.record.ended_error(self._store.now())
        if ended and not _is_answered(operation, loaded.record.session):
            raise ended
        role = _preferred_role(roles & operation.roles or roles)
        counted = credential.counted or loaded.quota
        quota = _check_quota(counted or await self._count_proven(role, loaded.record, renew=visit.renew))
        if role not in operation.roles:
            refusal = AgentRequiredError() if operation.roles == _AGENT else UserRequiredError()
            refusal.quota = quota
            raise refusal
        return Admission(loaded, role, quota, request, credential.agent_name if role is Role.AGENT else "")

    def login_lease(self, admission: Admission) -> LoginLease | None:
        """Return the lease that a person's connection is held by; None where no login of the host's proves them."""
        if self._host_login is None or admission.role is Role.AGENT:
            return None
        confirm = partial(self._confirm_login, self._host_login, admission.session_id, admission.request)
        return LoginLease(confirm, seconds=self._limits.login_lease)

    async def _confirm_login(self, login: HostLogin, session_id: str, request: object) -> bool:
        """Whether a request that was admitted would prove the person today, too. It is not counted."""
        loaded = await self._store.load(session_id)
        return loaded is None or await login.confirms_person(loaded.record.session, request)

    def _brought_digests(self, credential: Credential) -> dict[Role, str]:
        """Return the digests of the secrets that the request brings, by the role that each is to prove."""
        brought = {}
        if credential.user_token and self._host_login is None and not credential.foreign_origin:
            brought[Role.USER] = digest_token(credential.user_token)
        if credential.token:
            brought[Role.AGENT] = digest_token(credential.token)
        return brought

    def _claims_of(self, operation: Operation, credential: Credential, brought: Mapping[Role, str]) -> list[Claim]:
        """Return the claims that the request may be counted on, in the order in which `admit` prefers their roles.

        Where the host proves its users itself, it is asked after the session was loaded, and counted then.
        """
        is_for_agent = operation.roles == _AGENT
        if credential.counted or (self._host_login is not None and not is_for_agent):
            return []
        window = self._limits.rate_window
        claims = [Claim(role, proof, self._quota_of(role), window) for role, proof in brought.items()]
        return claims[::-1] if is_for_agent else claims

    async def _count_proven(self, role: Role, record: Record, *, renew: bool) -> Quota:
        """Count a request in a role that the host has proven, as `SessionStore.visit` does for the others."""
        session_id = record.session.session_id
        quota = await self._store.hit(
            role + ":" + session_id, limit=self._quota_of(role), window=self._limits.rate_window
        )
        if renew and quota.allowed and record.renew(self._store.now()):
            await self._store.touch(session_id, expires_at=record.expires_at, purge_at=record.purge_at)
        return quota

    async def _proven_by_host(
        self, login: HostLogin, session: Session, credential: Credential, *, is_agent: bool, request: object
    ) -> frozenset[Role]:
        """Return the roles that the host's login adds to the proven ones.

        The host is not bothered with the request of an agent, or of a browser with the session's cookie, that is over
        its rate anyway; nor with a stranger's request once the attempts are used up.

        Raises:
            RateLimitedError, InvalidTokenError: it is such a request, or a stranger's that the host does not know.
        """
        if credential.foreign_origin:
            return frozenset()
        is_known = is_agent or matches_digest(credential.user_token, session.user_digest)
        if is_known and not credential.counted:
            await self._check_rate(Role.AGENT if is_agent else Role.USER, session.session_id)
        is_user = await login.proves_person(session, credential, request, is_known=is_known)
        return _USER if is_user else frozenset()

    async def _check_rate(self, role: Role, session_id: str) -> None:
        """Refuse a request over its rate, and leave the others to be counted later."""
        counter, limit, window = f"{role}:{session_id}", self._quota_of(role), self._limits.rate_window
        counted = await counted_so_far(self._store, counter, window=window)
        if -counted.remaining >= limit:
            _check_quota(Quota(limit, window, allowed=False, remaining=0, reset_after=counted.reset_after))

    def _quota_of(self, role: Role) -> int:
        return self._limits.agent_requests if role is Role.AGENT else self._limits.user_requests


_SESSION_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)


def _proven_roles(session: Session, brought: Mapping[Role, str]) -> frozenset[Role]:
    """Return the roles that the digests prove, compared in constant time."""
    proofs = session.proofs
    return frozenset([role for role, proof in brought.items() if hmac.compare_digest(proof, proofs[role])])


def _is_answered(operation: Operation, session: Session) -> bool:
    """Whether an operation has an answer after the session's end: one on its submission, which may outlast its time."""
    if session.ended == SUBMITTED:
        return operation in AFTERWARDS
    return operation is Operation.SUBMIT and session.submission is not None


def _preferred_role(roles: frozenset[Role]) -> Role:
    """Return the role to act in: a request that proves both acts as the person, where the person may act."""
    return Role.USER if Role.USER in roles else Role.AGENT


def _check_quota(quota: Quota) -> Quota:
    """Return the quota of a request that is within it.

    Raises:
        RateLimitedError: it is not.
    """
    if not quota.allowed:
        error = RateLimitedError(retry_after=quota.reset_after)
        error.quota = quota
        raise error
    return quota
