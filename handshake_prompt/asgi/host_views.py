"""The protocol in a host's own views: the person's session of a request, and a posted form as their submission.

SPEC.md section 8.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from handshake_prompt.engine import ProtocolEngine
from handshake_prompt.engine.host.submitted_form import SubmittedForm
from handshake_prompt.engine.posted import Posted
from handshake_prompt.protocol.credentials import Credential
from handshake_prompt.protocol.errors import ChangedError, HandshakeError, SessionNotFoundError
from handshake_prompt.protocol.events import Cursor
from handshake_prompt.texts.quoting import quote

from .credential_reader import CredentialReader
from .host_errors import render_in_views
from .posted_form import SESSION, PostedForm, read_named
from .requests import connection_of

if TYPE_CHECKING:
    Request = Any  # of any framework
else:
    from starlette.requests import Request  # FastAPI reads it off the signature of a dependency

logger = logging.getLogger("handshake_prompt")

CHANGED_TOLD = 10
"""Keys in the sentence for a person; a form may have hundreds."""


class HostViews:
    """The part of an application that the views of its host call."""

    engine: ProtocolEngine
    _credential_of: CredentialReader

    async def read_as_user(self, request: Any, session_id: str | None, *, cursor: str | None = None) -> dict[str, Any]:
        """Return the members of `GET /context` if `request` is from the person of the session.

        Args:
            request: the host's, of Starlette, FastAPI, Litestar, Quart, Django, or any framework that keeps the scope.
            session_id: the session; what is no text, as of a form that was posted without one, is none that is known.
            cursor: the place in the log that the page shows, from `session.ready()` of its module. The person has not
                seen any value written after it.

        Raises:
            HandshakeError: it is not, or the session has ended, or (`ChangedError`) a value was written after `cursor`.
                The host answers with a problem document unless it handles the error itself; `error_response` renders
                it.
            TypeError: it is no request of an ASGI framework.
        """
        connection = connection_of(request)
        render_in_views(connection.scope)
        if not isinstance(session_id, str):
            raise SessionNotFoundError
        credential = self._credential_of(connection, session_id).without_agent()
        context = (await self.engine.get_context(session_id, credential, request)).payload
        if cursor is not None:
            _check_is_shown(context, cursor)
        return context

    async def submission(self, request: Request) -> SubmittedForm:
        """Return the person's submission by an ordinary form post, or a JSON object, to a view of the host's.

        The member `handshakeSession` names the session, `handshakeDigest` is the digest of the state on the page, the
        others are values by key; names that are no field's are the host's own. A posted value that differs from the
        stored one counts, as the person's. The session ends as submitted in the same step, so this is to be had once.

        Args:
            request: the host's, of Starlette, Litestar, Quart, Django or FastAPI, where `Depends(hpp.submission)` is as
                good in a view of no other arguments: FastAPI refuses one of those after the session has ended.

        Raises:
            HandshakeError: it is not the person's, it posts other values than the session holds (`ChangedError`), the
                form's model does not accept it (`InvalidFormError`), or it was submitted before. The host answers with
                a problem document unless it handles the error itself.
            TypeError: it is no request of an ASGI framework.
        """
        submission = await self.submission_or_none(request)
        if submission is None:
            raise SessionNotFoundError(
                f"The form has no member {SESSION} that names the session",
                next_steps=["Hand the form over first; or let the view ask for submission_or_none."],
            )
        return submission

    async def submission_or_none(self, request: Request) -> SubmittedForm | None:
        """Return what `submission` does; None for a form that was filled in without an agent: it names no session.

        Raises:
            HandshakeError, TypeError: as `submission` does.
        """
        render_in_views(connection_of(request).scope)
        form = await read_named(request, self.engine.limits)
        if form is None:
            return None
        session_id, credential = self._person_of(form, request)
        posted = Posted(form.values, form.digest, form.texts)
        return await self.engine.take_submission(session_id, posted, credential, request)

    async def refuse(self, request: Request, errors: object) -> None:
        """Tell page and agent the faults that a view of the host's has found in the form posted to it.

        Call it where the form is shown again: the tag takes the session up there. They are told as `problems`, until
        something is written. A form that names no open session of the person's is left alone.

        Args:
            request: the host's, as in `submission`.
            errors: a `ValidationError` of Pydantic, FastAPI, Django or marshmallow; a Django form; a `FieldErrors`; or
                texts, by name or of the form as a whole.

        Raises:
            TypeError: these are no errors, or it is no request of an ASGI framework.
        """
        try:
            form = await read_named(request, self.engine.limits)
            if form is not None:
                session_id, credential = self._person_of(form, request)
                await self.engine.refuse_submission(session_id, errors, credential, request)
        except HandshakeError as error:  # the host has an answer of its own
            logger.debug("A refusal was kept with no session: %s", error.code)

    def _person_of(self, form: PostedForm, request: Request) -> tuple[str, Credential]:
        """Return the session of a posted form, and the proofs that its request brings for the person."""
        session_id = form.session_id or ""
        return session_id, self._credential_of(connection_of(request), session_id).without_agent()

    async def finish(self, session_id: str) -> bool:
        """End a session as submitted, once the host has taken what it holds; see `ProtocolEngine.finish`."""
        return await self.engine.finish(session_id)

    async def reopen(self, session_id: str) -> bool:
        """Let the person submit again after an unknown outcome; see `ProtocolEngine.reopen`."""
        return await self.engine.reopen(session_id)


def _check_is_shown(context: Mapping[str, Any], cursor: str) -> None:
    """Check that no value of a context was written after a place in its log.

    Raises:
        ChangedError: one was, or it is no place in that log.
    """
    shown, current = Cursor.parse(cursor) if isinstance(cursor, str) else None, Cursor.parse(context["cursor"])
    if shown is None or current is None or shown.epoch != current.epoch or shown.seq > current.seq:
        raise ChangedError("The cursor is no place in the session's log")
    changed = [key for key, record in context["context"].items() if record["rev"] > shown.seq]
    if changed:
        more = f" and {len(changed) - CHANGED_TOLD} more" if len(changed) > CHANGED_TOLD else ""
        raise ChangedError(f"Written since: {', '.join(map(quote, changed[:CHANGED_TOLD]))}{more}")
