"""What an agent's call can end in, as one tree: each error says what happened, whether to repeat, and what to do next.

`PromptError`, for texts that are no prompt, is the package's own; everything a server or a network does to a call
arrives as an `AgentError`, and nothing else does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar


class AgentError(Exception):
    """The root of all that a call to a server can raise. `str(error)` is for a person: what happened, then what to do.

    Text of the server's is shortened and stripped of what a terminal would not show; it never holds the token.

    Args:
        detail: one sentence: what happened.
        code: for programs: the server's own code (SPEC.md section 9), or one of this client's.
        status: the HTTP status, None where no reply was read.
        next_steps: what can be done now, most useful first.
        retryable: whether the same call may succeed later; what is usual for the class by default.
        retry_after: seconds after which it may, if the server said so.
    """

    code: str = "failed"
    retryable: bool = False
    hint: ClassVar[str] = "Try again later."
    """The next step where nobody knows a better one."""

    def __init__(
        self,
        detail: str,
        *,
        code: str | None = None,
        status: int | None = None,
        next_steps: Sequence[str] = (),
        retryable: bool | None = None,
        retry_after: float | None = None,
    ) -> None:
        self.detail = detail
        self.status = status
        self.next_steps = tuple(next_steps) or (self.hint,)
        self.retry_after = retry_after
        if code is not None:
            self.code = code
        if retryable is not None:
            self.retryable = retryable
        super().__init__(detail)

    def __str__(self) -> str:
        return f"{_sentence(self.detail)} {_sentence(self.next_steps[0])}"


class CredentialRefusedError(AgentError):
    """The token is not, or no longer, the session's. Nothing but a new prompt helps."""

    code = "invalid_token"
    hint = "Ask the person for a new handshake prompt."


class SessionEndedError(AgentError):
    """The session is over, or never was: `session_expired`, `session_revoked` or `session_not_found`."""

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
    """No usable answer: the server failed, could not be reached, or did not answer in time, whatever was retried."""

    code = "unavailable"
    retryable = True
    hint = "Check that the server is running and can be reached from here, then repeat the call."


class BadReplyError(AgentError):
    """What answered does not speak the protocol: another type, too much of it, a redirect."""

    code = "bad_reply"
    hint = "Check that the address is that of the handshake server, and that no proxy changes its replies."


class InsecureAddressError(AgentError):
    """The address is plain `http://` and not on this machine: anyone on the way could read the token."""

    code = "insecure_address"
    hint = "Use the server's https:// address."


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?", "。")) else f"{text}."
