"""Error tree of the agent's side: each error has its cause, its remedy, and whether a repeated call may succeed.

All faults of a server, a network or the surroundings of this process arrive as an `AgentError`. `PromptError`, for
texts that are no prompt, is the package's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar


class AgentError(Exception):
    """The root of the errors of a call to a server. `str(error)` is for a person: the cause, then the remedy.

    Text of the server's is shortened, shown without invisible characters, and never holds the token.

    Args:
        detail: the cause, in one sentence.
        code: for programs: the server's own code (SPEC.md section 9), or one of this client's.
        status: the HTTP status, None where no reply was read.
        next_steps: the remedies, most useful first.
        retryable: whether the same call may succeed later; the class has the default.
        retry_after: seconds after which it may, if the server said so.
        from_server: whether `detail` and `next_steps` are the server's words: data to quote, not to obey.
    """

    code: str = "failed"
    retryable: bool = False
    hint: ClassVar[str] = "Try again later."
    """The next step where no better one is known."""

    def __init__(
        self,
        detail: str,
        *,
        code: str | None = None,
        status: int | None = None,
        next_steps: Sequence[str] = (),
        retryable: bool | None = None,
        retry_after: float | None = None,
        from_server: bool = False,
    ) -> None:
        self.detail = detail
        self.status = status
        self.next_steps = tuple(next_steps) or (self.hint,)
        self.retry_after = retry_after
        self.from_server = from_server
        if code is not None:
            self.code = code
        if retryable is not None:
            self.retryable = retryable
        super().__init__(detail)

    def __str__(self) -> str:
        return f"{_as_sentence(self.detail)} {_as_sentence(self.next_steps[0])}"


class CredentialRefusedError(AgentError):
    """The token is not, or no longer, the session's. Only a new prompt helps."""

    code = "invalid_token"
    hint = "Check the token line of the handshake prompt, or ask the person for a new prompt."


class SessionEndedError(AgentError):
    """The session is over, or never was. The code tells the reason, as far as the server does.

    `session_expired`: its time ran out; `session_revoked`: the person ended it; `session_closed`: the application
    behind the page did; `session_submitted`: the person submitted the page; `session_not_found`: it is not known.
    """

    code = "session_not_found"
    hint = "Ask the person to open a new session and paste its prompt."


class RefusedError(AgentError):
    """The server understood and said no: the request has to change before it can succeed."""

    code = "denied"
    hint = "Correct the request; repeating it unchanged will not help."


class RateLimitedError(AgentError):
    """Too many requests; `retry_after` says for how long, if the server did."""

    code = "rate_limited"
    retryable = True
    hint = "Wait, then repeat the call."


class ServerUnavailableError(AgentError):
    """No usable answer: the server failed, could not be reached, or did not answer in time, retries included."""

    code = "unavailable"
    retryable = True
    hint = "Check that the server is running and can be reached from here, then repeat the call."


class BadReplyError(AgentError):
    """The reply is none of the protocol: another type, too large, a redirect."""

    code = "bad_reply"
    hint = "Check that the address is that of the handshake server, and that no proxy changes its replies."


class InsecureAddressError(AgentError):
    """The address is plain `http://` and not on this machine: anyone on the way could read the token."""

    code = "insecure_address"
    hint = "Use the server's https:// address."


class LocalSetupError(AgentError):
    """The surroundings of this process are at fault: its proxy variables, its certificates, its event loops."""

    code = "local_setup"
    hint = "Correct the settings of this process, then repeat the call."


def _as_sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?", "。")) else f"{text}."
