"""Operations on a session as a whole: opened, looked at, given more time or another token, ended. SPEC.md section 4."""

from __future__ import annotations

from handshake_prompt.engine.access.guard import Operation
from handshake_prompt.engine.host.hook import ENDS_THE_SERVER, HostCodeError
from handshake_prompt.engine.session_reply import SessionReplies
from handshake_prompt.protocol import bodies, session_messages
from handshake_prompt.protocol.bodies import Body
from handshake_prompt.protocol.credentials import Credential, mint_token
from handshake_prompt.protocol.mount import Mount
from handshake_prompt.protocol.replies import Reply
from handshake_prompt.protocol.validation import check_extension
from handshake_prompt.session import REVOKED

from .base import Operations, read_body


class SessionOperations(Operations):
    """The life of a session."""

    _session_replies: SessionReplies

    async def create_session(
        self,
        body: Body,
        request: object = None,
        *,
        credential: Credential | None = None,
        mount: Mount | None = None,
    ) -> Reply:
        """Open a session: `POST /session`.

        Raises:
            OriginError, ForbiddenError, InvalidRequestError, TooLargeError, RateLimitedError, UnavailableError.
        """
        worker = self._workers.here
        await self._get_ready()
        caller = Credential.of(credential)
        await self._guard.admit_creation(caller)
        raw = await body() if callable(body) else body
        asked = bodies.decode(bodies.CreateRequest, raw)
        members, address = bodies.member_names(raw), caller.counted_address
        try:
            return await worker.creation.create(asked, request, mount, members=members, address=address)
        except ENDS_THE_SERVER as error:
            raise HostCodeError("A mode or the prompt's builder raised what ends a process") from error

    async def get_session(
        self, session_id: str, credential: Credential | str | None = None, request: object = None
    ) -> Reply:
        """Say how a session stands: `GET /session/{sid}`."""
        worker = self._workers.here
        async with self._admitted(worker, Operation.STATUS, session_id, credential, request) as admission:
            status: session_messages.SessionStatus = {
                **worker.views.standing_members(admission.record),
                "role": admission.role,
            }
            return Reply(status, quota=admission.quota)

    async def post_extend(
        self, session_id: str, body: Body, credential: Credential | str | None = None, request: object = None
    ) -> Reply:
        """Give a session more time, as far as the host's policy and its absolute lifetime allow."""
        worker = self._workers.here
        async with self._admitted(worker, Operation.EXTEND, session_id, credential, request) as admission:
            asked = await read_body(bodies.ExtendRequest, body)
            seconds = check_extension(asked.extra_seconds, self.limits)
            gained, record = await worker.tasks.finish(worker.session_changes.extend(admission, seconds))
            left = worker.views.expires_in(record)
            payload: session_messages.Extended = {"ok": True, "extended": gained, "expiresIn": left}
            return Reply(payload, quota=admission.quota)

    async def rotate(
        self,
        session_id: str,
        body: Body,
        credential: Credential | str | None = None,
        request: object = None,
        *,
        mount: Mount | None = None,
    ) -> Reply:
        """Replace the agent's token: the old one is worth nothing from here on, and its watchers are closed."""
        worker = self._workers.here
        async with self._admitted(worker, Operation.ROTATE, session_id, credential, request) as admission:
            asked = await read_body(bodies.RotateRequest, body)
            language = self._session_replies.prompt_language(asked.prompt, mount)
            token = mint_token()
            session, record = await worker.tasks.finish(worker.session_changes.rotate(admission, token))
            created = self._session_replies.creation_members(record, token, mount=mount, now=self.store.now())
            left = created["expiresIn"]
            payload: session_messages.Rotated = {"ok": True, "token": token, "expiresIn": left, "seq": session.seq}
            if language:
                payload["prompt"] = self._session_replies.prompt_text(created, session, language=language)
            return Reply(payload, quota=admission.quota)

    async def revoke(
        self, session_id: str, credential: Credential | str | None = None, request: object = None
    ) -> Reply:
        """End a session for good: `DELETE /session/{sid}`. Its watchers are told and closed."""
        worker = self._workers.here
        async with self._admitted(worker, Operation.REVOKE, session_id, credential, request) as admission:
            work = worker.session_changes.end(session_id, REVOKED, admission.role, known=admission.loaded)
            await worker.tasks.finish(work)
            payload: session_messages.Done = {"ok": True}
            return Reply(payload, quota=admission.quota)
