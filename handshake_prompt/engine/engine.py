"""The protocol engine: every operation of the protocol, independent of any web framework.

An operation is admitted by the guard, its body is read and parsed, the host's hooks decide, and a transaction applies
the transition. Each returns a `Reply`, which unpacks as `payload, status`, or raises a `HandshakeError`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from handshake_prompt.modes import DEFAULT_HANDLERS, ModeHandler, Modes
from handshake_prompt.protocol import bodies, messages
from handshake_prompt.protocol.bodies import Body
from handshake_prompt.protocol.credentials import Credential, mint_token
from handshake_prompt.protocol.errors import InvalidRequestError
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.messages import Mount
from handshake_prompt.protocol.replies import Reply
from handshake_prompt.protocol.validation import check_actions, check_extension, check_wait
from handshake_prompt.session import REVOKED
from handshake_prompt.session.digests import state_digest
from handshake_prompt.stores import SessionStore, Visit, open_store

from .admissions import read
from .diff import place_of
from .fair_queue import HEAVY_PARTS, HEAVY_STATE, take_slot
from .form_operations import FormOperations
from .guard import Guard, Operation
from .hook import ENDS_THE_SERVER, Hook, HostCodeError
from .hooks import Hooks
from .host_operations import HostOperations
from .idempotency_keys import visit_for
from .named_forms import NamedForms
from .owner_login import OwnerLogin
from .paste_operations import PasteOperations
from .pickup_operations import PickupOperations
from .request_operations import RequestOperations
from .session_reply import Prompt, SessionReplies
from .watcher import Watcher
from .worker import Worker, Workers


class ProtocolEngine(RequestOperations, PasteOperations, PickupOperations, FormOperations, HostOperations):
    """The Handshake Prompt Protocol over a store.

    Args:
        store: where sessions live: a `SessionStore`, which is left open, or the URL of one, which is closed with the
            engine: `"memory://"`, `"sqlite:///handshake.db"`, `"redis://localhost:6379/0"`.
        prefix: the path that replies name when a call gives no `mount`.
        ws_prefix: the same for the WebSocket.
        ttl: seconds a session lives after its last use.
        rate_limit_per_min: the agent's requests per session and minute; short for `Limits(agent_requests=...)`.
        validator: `validator(value, type) -> bool` in place of the form modes' own check of types.
        mode_handlers: the modes by name, `DEFAULT_HANDLERS` if not given.
        owner: the host's own login, `(request) -> id`, None for nobody: a session is its owner's, in place of the
            cookie's.
        require_browser_auth: the host's own proof of the user role in another way, `(request, session) -> bool`.
        strict_modes: refuse modes that nobody registered.
        prompt: answer `POST /session` with a prompt even if the page did not ask; a callable builds it.
        public_url: scheme and host for prompts, such as `"https://example.com"`. Without it the request's own Host is
            used, which is only as trustworthy as the proxy in front.
        limits: all other bounds.

    Raises:
        ValueError: `ttl` is not positive, the URL names no store that can be opened, or there are two proofs of the
            user role.
    """

    def __init__(
        self,
        *,
        store: SessionStore | str = "memory://",
        prefix: str = "/handshake",
        ws_prefix: str = "/ws/handshake",
        ttl: float = 1800,
        rate_limit_per_min: int | None = None,
        validator: Callable[[Any, str], bool] | None = None,
        mode_handlers: Mapping[str, ModeHandler] = DEFAULT_HANDLERS,
        owner: Callable[..., Any] | None = None,
        require_browser_auth: Callable[..., Any] | None = None,
        strict_modes: bool = False,
        prompt: Prompt = False,
        public_url: str | None = None,
        limits: Limits | None = None,
    ) -> None:
        if not ttl > 0:
            raise ValueError(f"ttl has to be a positive number of seconds, not {ttl!r}")
        if owner and require_browser_auth:
            raise ValueError("owner and require_browser_auth both prove the user: give one of them")
        limits = (limits or Limits()).replace(agent_requests=rate_limit_per_min)
        hooks = Hooks(timeout=limits.hook_timeout, batch_timeout=limits.hook_batch_timeout)
        opened = open_store(store, limits) if isinstance(store, str) else store
        mount = Mount(prefix.rstrip("/"), ws_prefix.rstrip("/"), public_url)
        modes = Modes(mode_handlers, limits, validator=validator, strict=strict_modes)
        self._session_replies = session_replies = SessionReplies(mount, modes, prompt=prompt)
        forms = NamedForms(modes, limits)
        login = OwnerLogin(owner, hooks) if owner else None
        make = partial(Worker, opened, hooks, modes, session_replies, forms, login=login, ttl=ttl, limits=limits)
        check = partial(hooks.proves, Hook(require_browser_auth)) if require_browser_auth else None
        guard = Guard(opened, limits=limits, login=login.proves if login else check)
        super().__init__(opened, Workers(make), guard, limits, owns_store=opened is not store)
        self._forms = forms
        self.hooks = hooks
        self.ttl = ttl
        self.on_create_session = hooks.on_create_session
        self.on_action = hooks.on_action
        self.on_extend = hooks.on_extend
        self.on_done = hooks.on_done
        self.on_options = hooks.on_options
        self.on_submit = hooks.on_submit

    # Operations

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
            status: messages.SessionStatus = {
                **worker.views.standing(admission.record),
                "role": admission.role,
            }
            return Reply(status, quota=admission.quota)

    async def get_context(
        self, session_id: str, credential: Credential | str | None = None, request: object = None
    ) -> Reply:
        """Return the state of the page: `GET /context/{sid}`. The reply's `etag` changes with it."""
        worker = self._workers.here
        admission = await self._admit(
            worker, Operation.CONTEXT, session_id, credential, request, visit=Visit(renew=True)
        )
        record, role, verdict = admission.loaded.record, admission.role, None
        if record.session.requests:
            record = await worker.asking.noticed(record, role)
        if record.session.form:
            verdict = await worker.validation.of(record.session)
            worker.validation.follow(record, verdict)
        etag = f"{record.session.epoch}.{record.version}-" + role + ("-unjudged" if verdict and verdict.unknown else "")
        return Reply(worker.views.context(record, role, verdict), quota=admission.quota, etag=etag)

    async def post_action(
        self,
        session_id: str,
        body: Body,
        credential: Credential | str | None = None,
        request: object = None,
        *,
        idempotency_key: str | None = None,
    ) -> Reply:
        """Carry out a batch of the agent's actions: `POST /action/{sid}`.

        A refused action is an entry in the reply, not an error. With an idempotency key a batch has one effect,
        however often it is sent.
        """
        worker = self._workers.here
        visit = visit_for(idempotency_key)
        async with self._admitted(worker, Operation.ACTION, session_id, credential, request, visit=visit) as admission:
            asked = await read(bodies.ActionRequest, body)
            if check_actions(asked.actions, self.limits) > HEAVY_PARTS:
                await take_slot(Credential.of(credential).counted_address)
            work = worker.batches.carry_out(admission, asked, idempotency_key)
            payload, replayed = await worker.tasks.finish(work)
            return Reply(payload, quota=admission.quota, replayed=replayed)

    async def post_notify(
        self, session_id: str, body: Body, credential: Credential | str | None = None, request: object = None
    ) -> Reply:
        """Carry out an edit, a release or a change of rows by the person: `POST /notify/{sid}`.

        Raises:
            HandshakeError: the guard refuses the request, or the session's mode the write (`InvalidRequestError`).
        """
        worker = self._workers.here
        async with self._admitted(worker, Operation.NOTIFY, session_id, credential, request) as admission:
            asked = (await read(bodies.NotifyRequest, body)).message
            outcome, record = await worker.page_messages.carry_out(session_id, asked, known=admission.loaded)
            if outcome.status != "applied":
                raise InvalidRequestError(outcome.msg, code=outcome.code)
            session = record.session
            payload: messages.NotifyReply = {
                "ok": True,
                "key": outcome.key or "",
                "by": session.whose(outcome.subject),
                "seq": outcome.seq or 0,
                "cursor": str(session.cursor),
                "digest": state_digest(session),
            }
            if outcome.row is not None:
                payload["row"] = outcome.row
            return Reply({**payload, **await worker.validation.members(session)}, quota=admission.quota)

    async def get_diff(
        self,
        session_id: str,
        credential: Credential | str | None = None,
        request: object = None,
        *,
        since: str = "",
        wait: str | float = 0,
    ) -> Reply:
        """Return the changes since a cursor or an instant, waiting for one if asked to: `GET /diff/{sid}`."""
        worker = self._workers.here
        visit = Visit(renew=True, after=place_of(since))
        async with self._admitted(worker, Operation.DIFF, session_id, credential, request, visit=visit) as admission:
            difference = await worker.differ.since(admission, since, patience=check_wait(wait, self.limits))
            if difference.requests:
                await worker.asking.noticed(difference.record, admission.role)
            return Reply(difference.reply(since, admission.role), quota=admission.quota)

    async def post_extend(
        self, session_id: str, body: Body, credential: Credential | str | None = None, request: object = None
    ) -> Reply:
        """Give a session more time, as far as the host's policy and its absolute lifetime allow."""
        worker = self._workers.here
        async with self._admitted(worker, Operation.EXTEND, session_id, credential, request) as admission:
            asked = await read(bodies.ExtendRequest, body)
            seconds = check_extension(asked.extra_seconds, self.limits)
            gained, record = await worker.tasks.finish(worker.transitions.extend(admission, seconds))
            left = worker.views.expires_in(record)
            payload: messages.Extended = {"ok": True, "extended": gained, "expiresIn": left}
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
            asked = await read(bodies.RotateRequest, body)
            language = self._session_replies.language(asked.prompt, mount)
            token = mint_token()
            session, record = await worker.tasks.finish(worker.transitions.rotate(admission, token))
            created = self._session_replies.created(record, token, mount=mount, now=self.store.now())
            left = created["expiresIn"]
            payload: messages.Rotated = {"ok": True, "token": token, "expiresIn": left, "seq": session.seq}
            if language:
                payload["prompt"] = self._session_replies.prompt(created, session, language=language)
            return Reply(payload, quota=admission.quota)

    async def revoke(
        self, session_id: str, credential: Credential | str | None = None, request: object = None
    ) -> Reply:
        """End a session for good: `DELETE /session/{sid}`. Its watchers are told and closed."""
        worker = self._workers.here
        async with self._admitted(worker, Operation.REVOKE, session_id, credential, request) as admission:
            work = worker.transitions.end(session_id, REVOKED, admission.role, known=admission.loaded)
            await worker.tasks.finish(work)
            payload: messages.Done = {"ok": True}
            return Reply(payload, quota=admission.quota)

    async def watch(
        self,
        session_id: str,
        credential: Credential | str | None = None,
        request: object = None,
        *,
        after: str | None = None,
        keepalive: float | None = None,
        hidden: bool = False,
    ) -> Watcher:
        """Watch a session, from a cursor on if `after` is one that can be resumed from.

        Args:
            session_id: the session.
            credential: the watcher's.
            request: the host framework's.
            after: the cursor of the last frame seen.
            keepalive: seconds of silence after which a heartbeat is sent; the limits' `keepalive` by default.
            hidden: whether it is a page that is not in view; a frame `ping` may say otherwise later.

        Returns:
            a `Watcher`; leave it as the context manager it is. Watching alone does not keep a session alive.
        """
        worker = self._workers.here
        await self._get_ready()
        caller = Credential.of(credential)
        admission = await self._guard.admit(Operation.WATCH, session_id, caller, request)
        if after or admission.loaded.size > HEAVY_STATE:  # a log may be longer than what it led to
            await take_slot(caller.counted_address)
        lease = self._guard.lease(admission)
        return await worker.watchers.open(admission, after=after, keepalive=keepalive, hidden=hidden, lease=lease)
