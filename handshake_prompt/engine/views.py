"""Views of a session: how it stands, and the state of its page as one role may see it. SPEC.md section 4."""

from __future__ import annotations

from typing import Any, NamedTuple

from handshake_prompt.modes import Modes
from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.instants import format_instant
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.messages import Context, whole_seconds
from handshake_prompt.protocol.session_messages import AgentPresence, SessionStanding
from handshake_prompt.session.digests import state_digest
from handshake_prompt.session.page_problems import may_have_problems, problem_members
from handshake_prompt.session.requests import visible_requests
from handshake_prompt.session.verdict import NO_PROBLEMS, Verdict
from handshake_prompt.stores import Record

from .presence import Presence
from .transactions import Transactions


class PersonPlace(NamedTuple):
    """The person's place in a session that a credential opens: its end, and connections."""

    until: float
    """The end of the session by the store's clock; 0 if it has ended."""
    watchers: int
    """Connections that the session is shown on, in all workers."""


class Views:
    """Composes views of records."""

    def __init__(self, transactions: Transactions, modes: Modes, presence: Presence, *, limits: Limits) -> None:
        self._transactions = transactions
        self._modes = modes
        self._presence = presence
        self._limits = limits

    def standing_members(self, record: Record) -> SessionStanding:
        """Return how a session stands."""
        session = record.session
        standing: SessionStanding = {
            "sessionId": session.session_id,
            "mode": session.mode,
            "expiresIn": self.expires_in(record),
            "maxExpiresIn": whole_seconds(session.deadline - self._transactions.now()),
            "watchers": self._presence.count_watchers(record),
            "cursor": str(session.cursor),
        }
        if session.submission is not None:
            standing["submission"] = session.submission.wire_members(self._transactions.now())
        if session.ended:
            standing["status"] = session.ended
        if session.agent:
            return {**standing, **self.agent_presence(session.agent, session.agent_at)}
        return standing

    def context_members(self, record: Record, role: Role, verdict: Verdict | None = None) -> Context:
        """Return the state of a session's page: the members of `GET /context` and of a snapshot.

        `verdict` is that of the form's validator, where the session has a named form.
        """
        session = record.session
        members: Any = {
            "sessionId": session.session_id,
            "mode": session.mode,
            "role": role,
            **({"form": session.form} if session.form else {}),
            **self._modes.of(session).context_response(session, role),
            "context": session.context(role),
            "meta": session.meta,
            "expiresIn": self.expires_in(record),
            "cursor": str(session.cursor),
            "digest": state_digest(session),
        }
        if session.submission is not None:
            members["submission"] = session.submission.wire_members(self._transactions.now())
        if session.pickup is not None and role is Role.USER:
            members["pickup"] = session.pickup.wire_members()
        if verdict is not None or may_have_problems(session):
            members |= problem_members(session, verdict or NO_PROBLEMS)
        if session.requests:
            members |= self.request_members(record, role)
        context: Context = members  # a mode may add any member
        return context

    def request_members(self, record: Record, role: Role, *, after: int = 0) -> dict[str, Any]:
        """Return the members that tell of a session's requests; none if there is nothing to tell."""
        listed = visible_requests(record.session, role, self._transactions.now(), after=after)
        return {"requests": listed, "attended": self._presence.is_attended(record)} if listed else {}

    def agent_presence(self, name: str, seen_at: float) -> AgentPresence:
        """Return the agent that was here last, and when that was; nothing if none has named itself."""
        if not name:
            return {}
        gone = self._transactions.wall_time() - seen_at > self._limits.agent_silence
        return {"agent": name, "agentAt": format_instant(round(seen_at * 1e6)), "agentGone": gone}

    def expires_in(self, record: Record) -> int:
        """Return the whole seconds a session has left."""
        return whole_seconds(record.expires_at - self._transactions.now())
