"""Error tree of the protocol: each error knows its code, its HTTP status and its WebSocket close code.

SPEC.md section 9 lists the codes. The transport finds everything it needs to answer on the error itself, so one
function renders the whole tree and nothing else in the package maps errors to statuses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any, ClassVar

from .rate_limit import Quota

FINAL_CODES = range(4400, 4500)
"""Close codes after which reconnecting is pointless."""


class CloseCode(IntEnum):
    """WebSocket close codes. 4400-4499 are final, 4500-4599 ask the watcher to reconnect (SPEC.md section 7)."""

    NORMAL = 1000
    UNSUPPORTED_DATA = 1003
    MALFORMED = 4400
    UNAUTHENTICATED = 4401
    FORBIDDEN = 4403
    UNKNOWN_SESSION = 4404
    ENDED = 4410
    TOO_MANY_ATTEMPTS = 4429
    INTERNAL = 4500
    DRAINING = 4503
    SLOW = 4508
    TOO_LARGE = 4513
    BINARY = 4515
    BUSY = 4529

    @property
    def final(self) -> bool:
        """Whether reconnecting is pointless."""
        return self in FINAL_CODES


class HandshakeError(Exception):
    """The root of every error this package raises on purpose.

    Args:
        detail: one sentence for the caller; it never carries a secret or a foreign exception's text.
        code: a more precise code than the class's own.
        retry_after: seconds after which the same request may succeed.
        next_steps: actions open to the caller now, most useful first.
        members: further members of the problem document.

    The guard sets `quota` once the request is counted, so that a refusal carries the rate headers too.
    """

    status: ClassVar[int] = 500
    code: str = "internal_error"
    title: ClassVar[str] = "Internal error"
    close_code: ClassVar[CloseCode] = CloseCode.INTERNAL
    retryable: ClassVar[bool] = False
    hint: ClassVar[str | None] = None
    """The next step to name when the place that raised gave none."""
    pause: ClassVar[float | None] = None
    """The `retry_after` when the place that raised gave none."""

    def __init__(
        self,
        detail: str | None = None,
        *,
        code: str | None = None,
        retry_after: float | None = None,
        next_steps: Sequence[str] = (),
        members: Mapping[str, Any] | None = None,
    ) -> None:
        self.detail = detail or self.title
        if code is not None:
            self.code = code
        self.retry_after = self.pause if retry_after is None else retry_after
        self.next_steps = tuple(next_steps) or ((self.hint,) if self.hint else ())
        self.members = members or {}
        self.quota: Quota | None = None
        super().__init__(self.detail)


class InvalidRequestError(HandshakeError):
    """400: the request is not of the documented shape."""

    status = 400
    code = "invalid_request"
    title = "Invalid request"
    close_code = CloseCode.MALFORMED


class InvalidJSONError(InvalidRequestError):
    """400: the body is not JSON."""

    code = "invalid_json"
    title = "The body is not valid JSON"


class UnreadableError(InvalidRequestError):
    """400: a pasted text has no answer that can be read; the member `unread` names the lines."""

    code = "unreadable"
    title = "There is no answer that can be read"
    hint = "Ask the agent for its answer again, as one fenced block named handshake."


class UnknownModeError(InvalidRequestError):
    """400: the mode is not registered, and the request needs it to be."""

    code = "unknown_mode"
    title = "Unknown mode"


class InvalidSchemaError(InvalidRequestError):
    """400: the schema cannot be honoured."""

    code = "invalid_schema"
    title = "Invalid schema"


class ForbiddenError(HandshakeError):
    """403: the host application's policy says no."""

    status = 403
    code = "denied"
    title = "Denied by the server's policy"
    close_code = CloseCode.FORBIDDEN


class InvalidTokenError(ForbiddenError):
    """403: the credential is missing, or opens no session of this name: a stranger is told no more."""

    code = "invalid_token"
    title = "Invalid token"
    close_code = CloseCode.UNAUTHENTICATED
    hint = (
        "Check the token line of the handshake prompt. If it is right the session is gone: "
        "ask the person to open a new one and paste its prompt."
    )


class AgentRequiredError(ForbiddenError):
    """403: only the agent may do this; a person's writes are edits."""

    code = "agent_required"
    title = "Only the agent may do this"
    hint = "Send the session token in the X-Handshake-Token header. A person's changes go to the notify URL."


class UserRequiredError(ForbiddenError):
    """403: only the person at the page may do this."""

    code = "user_required"
    title = "Only the person at the page may do this"
    hint = "Ask the person to do it on the page."


class OriginError(ForbiddenError):
    """403: a page on a foreign origin asked to act as the person."""

    code = "origin_not_allowed"
    title = "This origin may not act for the person"
    hint = (
        "If the page is the server's own, let the proxy in front pass on Host and X-Forwarded-Proto, or set "
        "public_url. If it is on another site, add its origin to allowed_origins."
    )


class NotFoundError(HandshakeError):
    """404: no such resource."""

    status = 404
    code = "not_found"
    title = "Not found"
    close_code = CloseCode.UNKNOWN_SESSION


class SessionNotFoundError(NotFoundError):
    """404: unknown, or ended and not to be told apart by a stranger."""

    code = "session_not_found"
    title = "Session not found or expired"
    hint = "Ask the person to open a new session and paste its prompt."


class SessionExpiredError(SessionNotFoundError):
    """404: the session's time ran out; told to holders of its credentials only."""

    code = "session_expired"
    title = "The session has expired"
    close_code = CloseCode.ENDED


class SessionRevokedError(SessionNotFoundError):
    """404: the person ended the session; told to holders of its credentials only."""

    code = "session_revoked"
    title = "The person has ended the session"
    close_code = CloseCode.ENDED


class SessionClosedError(SessionNotFoundError):
    """404: the host application ended the session; told to holders of its credentials only."""

    code = "session_closed"
    title = "The application has ended the session"
    close_code = CloseCode.ENDED
    hint = "Ask the person whether there is more to do, and for a new prompt if there is."


class MethodNotAllowedError(HandshakeError):
    """405: the resource exists and does not answer this method."""

    status = 405
    code = "method_not_allowed"
    title = "Method not allowed"
    close_code = CloseCode.MALFORMED


class BodyTimeoutError(HandshakeError):
    """408: the body did not arrive in time."""

    status = 408
    code = "body_timeout"
    title = "The body took too long to arrive"
    close_code = CloseCode.BUSY
    retryable = True


class ClientDisconnectedError(HandshakeError):
    """408: the connection was closed before the request was carried out; read by middleware, if by anybody."""

    status = 408
    code = "client_disconnected"
    title = "The client has closed the connection"
    close_code = CloseCode.NORMAL
    retryable = True


class BodyLostError(InvalidRequestError):
    """400: the server has handed on fewer bytes of the body than the client sent."""

    code = "body_lost"
    title = "The body did not reach the application"
    hint = "Send no Upgrade header (Java: HttpClient.Version.HTTP_1_1), or run uvicorn with --http h11."


class ConflictError(HandshakeError):
    """409: the request is well formed and cannot be carried out in the present state."""

    status = 409
    code = "conflict"
    title = "Conflict"
    close_code = CloseCode.MALFORMED


class ChangedError(ConflictError):
    """409: the page shows values that have changed in the session since."""

    code = "changed"
    title = "The page does not show what the session holds"
    hint = "Show the session's values, and let the person look at them."


class OtherPromptError(ConflictError):
    """409: a pasted answer is one to another prompt: of another session, or of a token that was replaced since."""

    code = "other_prompt"
    title = "This answers another prompt"
    hint = "Copy the prompt from this page again, and paste the agent's answer to it."


class SessionSubmittedError(ConflictError):
    """409: the person has submitted the form; told to holders of the session's credentials only."""

    code = "session_submitted"
    title = "The person has submitted the form"
    close_code = CloseCode.ENDED
    hint = "There is nothing more to do here. Tell the person so."


class InProgressError(ConflictError):
    """409: a copy of this request is still being carried out."""

    code = "idempotency_in_progress"
    title = "A request with this idempotency key is still running"
    close_code = CloseCode.BUSY
    retryable = True


class TooLargeError(HandshakeError):
    """413: over a documented bound."""

    status = 413
    code = "too_large"
    title = "Too large"
    close_code = CloseCode.TOO_LARGE


class UnsupportedMediaTypeError(HandshakeError):
    """415: a body that is not declared as plain JSON."""

    status = 415
    code = "unsupported_media_type"
    title = "Send the body as application/json, without Content-Encoding"
    close_code = CloseCode.UNSUPPORTED_DATA


class IdempotencyMismatchError(HandshakeError):
    """422: the idempotency key was used before, with another body."""

    status = 422
    code = "idempotency_key_reused"
    title = "This idempotency key was used with another body"
    close_code = CloseCode.MALFORMED
    hint = "Use a new key for a new request."


class RateLimitedError(HandshakeError):
    """429: too many requests or watchers. There is room again after a while, so its close is never final."""

    status = 429
    code = "rate_limited"
    title = "Rate limit exceeded"
    close_code = CloseCode.BUSY
    retryable = True


class TooManyAttemptsError(RateLimitedError):
    """429: too many attempts with a wrong credential. Coming again with the same one is in vain."""

    code = "too_many_attempts"
    title = "Too many attempts with a wrong credential"
    close_code = CloseCode.TOO_MANY_ATTEMPTS


class InternalError(HandshakeError):
    """500: a fault of ours or of the host's code; the traceback is in the log, never in the reply."""


class UnavailableError(HandshakeError):
    """503: not now; the same request may succeed later."""

    status = 503
    code = "unavailable"
    title = "Temporarily unavailable"
    close_code = CloseCode.DRAINING
    retryable = True
    pause = 1.0


class StoreUnavailableError(UnavailableError):
    """503: the store cannot be reached. Stores raise it for every failure to connect or to answer in time."""

    code = "store_unavailable"
    title = "The session store cannot be reached"


class VersionConflictError(ConflictError):
    """Another writer saved the record first. The engine retries on a fresh copy; callers see 409 only if that fails."""

    code = "version_conflict"
    title = "The session is changing too fast"
    close_code = CloseCode.BUSY
    retryable = True
