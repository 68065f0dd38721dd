"""The protocol engine: every operation of the protocol, with no web framework in sight.

An operation is admitted by the guard, its body is read and parsed, the host's hooks decide, and a transaction applies
the transition. Each returns a `Reply`, which unpacks as `payload, status`, or raises a `HandshakeError`.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

from handshake_prompt.modes import DEFAULT_HANDLERS, ModeHandler, Modes
from handshake_prompt.protocol import messages
from handshake_prompt.protocol.credentials import (
    Credential,
    Role,
    digest,
    matches,
    mint_epoch,
    mint_session_id,
    mint_token,
)
from handshake_prompt.protocol.errors import (
    CloseCode,
    HandshakeError,
    InvalidRequestError,
    SessionNotFoundError,
    UnavailableError,
    UserRequiredError,
)
from handshake_prompt.protocol.events import Cursor
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.messages import Body, Mount, Outcome, whole_seconds
from handshake_prompt.protocol.replies import Reply
from handshake_prompt.protocol.session import Session
from handshake_prompt.protocol.validation import (
    check_actions,
    check_creation,
    check_extension,
    check_schema,
    check_value,
    check_wait,
)
from handshake_prompt.stores import PLAIN_VISIT, Record, SessionStore, Visit, open_store

from .batch import Batches
from .diff import Changes, changes_since, place_of
from .guard import Admission, Guard, Operation
from .hooks import Hooks
from .hub import Hub, told
from .idempotency import Idempotency, is_key
from .session_reply import Prompt, SessionReplies
from .subscriptions import Subscriptions
from .transactions import Transactions
from .transitions import Transitions
from .watcher import Watcher, opening

T = TypeVar("T")

ANNOUNCED = {Operation.CONTEXT, Operation.DIFF}
"""What an agent does that lets the page know of it; a batch does so by itself, ahead of what it writes."""


class Statistics(NamedTuple):
    """What the engine holds right now, for operators and tests."""

    watchers: int
    locks: int
    running: int


class ProtocolEngine:
    """The Handshake Prompt Protocol over a store.

    Args:
        store: where sessions live: a `SessionStore`, which is left open, or the URL of one, which is closed with the
            engine.
        prefix: the path that replies name when a call gives no `mount`.
        ws_prefix: the same for the WebSocket.
        ttl: seconds a session lives after its last use.
        rate_limit_per_min: the agent's requests per session and minute; short for `Limits(agent_requests=...)`.
        validator: `validator(value, type) -> bool` in place of the form modes' own check of types.
        mode_handlers: the modes by name, `DEFAULT_HANDLERS` if not given.
        require_browser_auth: the host's own proof of the user role, `(request, session) -> bool`, in place of the
            cookie.
        strict_modes: refuse modes that nobody registered.
        prompt: whether, and with what, prompts are built.
        public_url: scheme and host that prompts name, whatever a request says.
        limits: all other bounds.

    Raises:
        ValueError: `ttl` is not positive, or the URL names no store that can be opened.
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
        require_browser_auth: Callable[..., Any] | None = None,
        strict_modes: bool = False,
        prompt: Prompt = False,
        public_url: str | None = None,
        limits: Limits | None = None,
    ) -> None:
        if not ttl > 0:
            raise ValueError(f"ttl has to be a positive number of seconds, not {ttl!r}")
        self.limits = limits = (limits or Limits()).replace(agent_requests=rate_limit_per_min)
        self.store = open_store(store, limits) if isinstance(store, str) else store
        self._owns_store = isinstance(store, str)
        self.hooks = Hooks(timeout=limits.hook_timeout, batch_timeout=limits.hook_batch_timeout)
        self.ttl = ttl
        self._session_replies = SessionReplies(
            Mount(prefix.rstrip("/"), ws_prefix.rstrip("/"), public_url), prompt=prompt
        )
        self._modes = Modes(mode_handlers, limits, validator=validator, strict=strict_modes)
        self._hub = Hub(limits)
        self._guard = Guard(self.store, self.hooks, limits=limits, browser_auth=require_browser_auth)
        self._transactions = Transactions(self.store, self._hub, limits=limits)
        self._subscriptions = Subscriptions(self.store, self._hub, self._transactions)
        self._batches = Batches(
            self._transactions, self.hooks, self._modes, clients=self._subscriptions.clients, limits=limits
        )
        self._transitions = Transitions(self._transactions, self.hooks, self._modes, limits=limits)
        self._idempotency = Idempotency(self.store, limits)
        self._running: set[asyncio.Task[Any]] = set()
        self._is_ready = self._draining = False
        self.on_create_session = self.hooks.on_create_session
        self.on_action = self.hooks.on_action
        self.on_extend = self.hooks.on_extend
        self.on_done = self.hooks.on_done

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
        await self._get_ready()
        await self._guard.admit_creation(Credential.of(credential))
        asked = await _read(messages.CreateRequest, body)
        check_creation(asked, self.limits)
        language = self._session_replies.language(asked.prompt, mount)
        mode = asked.mode or "default"
        handler = self._modes.named(mode, with_schema=bool(asked.schema))
        if not getattr(handler, "checks_schema", False):  # a mode is whatever has the methods
            check_schema(asked.schema or (), self.limits)
        token, user_token, now = mint_token(), mint_token(), self.store.now()
        session = Session(
            session_id=mint_session_id(),
            mode=mode,
            epoch=mint_epoch(),
            token_digest=digest(token),
            user_digest=digest(user_token),
            created_at=now,
            deadline=now + self.limits.max_lifetime,
            ttl=self.ttl,
            kept_meta=asked.meta or {},
            turn=self._transactions.turn(Role.USER),
        )
        handler.setup_session(session, asked)
        await self.hooks.created(session, request)
        session.commit()
        record = await self._transactions.create(session)
        payload = self._session_replies.created(record, token, mount=mount, now=now)
        if asked.user_token:
            payload["userToken"] = user_token
        if language:
            payload["prompt"] = self._session_replies.prompt(payload, language=language, meta=session.meta)
        return Reply(payload, user_token=user_token)

    async def get_session(
        self, session_id: str, credential: Credential | str | None = None, request: object = None
    ) -> Reply:
        """Say how a session stands: `GET /session/{sid}`."""

        async def status(admission: Admission) -> dict[str, Any]:
            return {**self._standing(admission.record), "role": admission.role}

        return await self._serve(Operation.STATUS, session_id, credential, request, status)

    async def get_context(
        self, session_id: str, credential: Credential | str | None = None, request: object = None
    ) -> Reply:
        """Return the state of the page: `GET /context/{sid}`. The reply's `etag` changes with it."""
        admission = await self._admit(Operation.CONTEXT, session_id, credential, request, Visit(renew=True))
        record, role = admission.loaded.record, admission.role
        etag = f"{record.session.epoch}.{record.version}-" + role
        return Reply(self._context(record, role), quota=admission.quota, etag=etag)

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
        replayed = False

        async def act(admission: Admission) -> dict[str, Any]:
            nonlocal replayed
            asked = await _read(messages.ActionRequest, body)
            check_actions(asked.actions, self.limits)
            if idempotency_key is None:
                return await self._finish(self._act(admission, asked))
            once = self._idempotency.once(
                session_id,
                idempotency_key,
                kept=admission.loaded.receipt,
                body=asked,
                run=lambda fingerprint: self._act(admission, asked, key=idempotency_key, fingerprint=fingerprint),
            )
            payload, replayed = await self._finish(once)
            return payload

        key = idempotency_key if idempotency_key and is_key(idempotency_key) else None
        reply = await self._serve(Operation.ACTION, session_id, credential, request, act, visit=Visit(key=key))
        reply.replayed = replayed
        return reply

    async def post_notify(
        self, session_id: str, body: Body, credential: Credential | str | None = None, request: object = None
    ) -> Reply:
        """Carry out an edit or a release by the person: `POST /notify/{sid}`."""

        async def edit(admission: Admission) -> dict[str, Any]:
            asked = await _read(messages.NotifyRequest, body)
            value = None if asked.release else (asked.value,)
            applied = await self._finish(self._transitions.edit(session_id, asked.key, value, known=admission.loaded))
            outcome = applied.result
            if outcome.status != "applied":
                raise InvalidRequestError(outcome.msg, code=outcome.code)
            session, key = applied.record.session, outcome.key or ""
            cursor = str(session.cursor)
            return {"ok": True, "key": key, "by": session.whose(key), "seq": outcome.seq, "cursor": cursor}

        return await self._serve(Operation.NOTIFY, session_id, credential, request, edit)

    async def get_diff(
        self,
        session_id: str,
        credential: Credential | str | None = None,
        request: object = None,
        *,
        since: str = "",
        wait: str | float = 0,
    ) -> Reply:
        """Return what changed since a cursor or an instant, waiting for it if asked to: `GET /diff/{sid}`."""

        async def diff(admission: Admission) -> dict[str, Any]:
            patience = check_wait(wait, self.limits)
            changes = await self._changes(admission, since, patience)
            return {"sessionId": session_id, "since": since, **changes.members(admission.role)}

        visit = Visit(renew=True, after=place_of(since))
        return await self._serve(Operation.DIFF, session_id, credential, request, diff, visit=visit)

    async def post_extend(
        self, session_id: str, body: Body, credential: Credential | str | None = None, request: object = None
    ) -> Reply:
        """Give a session more time, as far as the host's policy and its absolute lifetime allow."""

        async def extend(admission: Admission) -> dict[str, Any]:
            asked = await _read(messages.ExtendRequest, body)
            seconds = check_extension(asked.extra_seconds, self.limits)
            applied = await self._finish(self._transitions.extend(admission, seconds))
            return {"ok": True, "extended": applied.result, "expiresIn": self._left(applied.record)}

        return await self._serve(Operation.EXTEND, session_id, credential, request, extend)

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

        async def replace(admission: Admission) -> dict[str, Any]:
            asked = await _read(messages.RotateRequest, body)
            language = self._session_replies.language(asked.prompt, mount)
            token = mint_token()
            applied = await self._finish(self._transitions.rotate(admission, token))
            created = self._session_replies.created(applied.record, token, mount=mount, now=self.store.now())
            payload = {"ok": True, "token": token, "expiresIn": created["expiresIn"]}
            if language:
                payload["prompt"] = self._session_replies.prompt(created, language=language, meta=applied.result.meta)
            return payload

        return await self._serve(Operation.ROTATE, session_id, credential, request, replace)

    async def revoke(
        self, session_id: str, credential: Credential | str | None = None, request: object = None
    ) -> Reply:
        """End a session for good: `DELETE /session/{sid}`. Its watchers are told and closed."""

        async def end(admission: Admission) -> dict[str, Any]:
            await self._finish(self._transitions.revoke(session_id, admission.role, known=admission.loaded))
            return {"ok": True}

        return await self._serve(Operation.REVOKE, session_id, credential, request, end)

    async def watch(
        self,
        session_id: str,
        credential: Credential | str | None = None,
        request: object = None,
        *,
        after: str | None = None,
        keepalive: float | None = None,
    ) -> Watcher:
        """Watcher a session, from a cursor on if `after` is one that can be resumed from.

        Args:
            session_id: which.
            credential: of whoever watches.
            request: the host framework's.
            after: the cursor of what was seen last.
            keepalive: seconds of silence after which a heartbeat is sent; those of the limits by default.

        Returns:
            a `Watcher`; leave it as the context manager it is. Watching alone does not keep a session alive.
        """
        await self._get_ready()
        admission = await self._guard.admit(Operation.WATCH, session_id, Credential.of(credential), request)
        cursor, pause = Cursor.parse(after) if after else None, keepalive or self.limits.keepalive
        async with self._subscriptions.joining(session_id, cursor.seq if cursor else None) as loaded:
            admission.confirm(loaded.record.session)
            snapshot = self._context(loaded.record, admission.role)
            frames = opening(
                loaded, admission.role, cursor=cursor, limits=self.limits, keepalive=pause, snapshot=snapshot
            )
            if self._draining:  # asked last, so that nobody slips in behind the drain
                raise UnavailableError("The server is shutting down", code="draining", retry_after=1)
            watcher = self._subscriptions.join(loaded.record, admission.role)
        watch = Watcher(
            watcher,
            frames,
            limits=self.limits,
            keepalive=pause,
            quota=admission.quota,
            carry=self._carry,
            left=lambda: watcher.channel.expires_at - self.store.now(),
            look_again=lambda: self._transactions.look_again(session_id),
            leave=lambda: self._subscriptions.leave(watcher),
        )
        try:
            await self._subscriptions.announce(watcher)
        except BaseException:
            self._subscriptions.leave(watcher)
            raise
        return watch

    async def time_left(self, session_id: str, user_token: str) -> float | None:
        """Return the seconds a session has left, 0 if it has ended; None if `user_token` is not its person's.

        A session that this server does not know is None, too: it may be another server's on the same host name.
        """
        await self._get_ready()
        loaded = await self.store.load(session_id)
        if loaded is None or not matches(user_token, loaded.record.session.user_digest):
            return None
        return 0.0 if loaded.record.session.ended else self._transactions.left(loaded.record)

    # For the host application

    async def sessions(self, *, owner: Any) -> list[dict[str, Any]]:
        """Return the open sessions of an owner, as a hook set it at creation: how each stands, and its `meta`."""
        return [{**self._standing(record), "meta": record.session.meta} for record in await self._owned(owner)]

    async def revoke_owner(self, owner: Any) -> int:
        """End all open sessions of an owner, everywhere: the other half of logging out. Return how many there were."""
        records = await self._owned(owner)
        for record in records:
            with suppress(SessionNotFoundError):  # it has ended meanwhile
                await self._finish(self._transitions.revoke(record.session.session_id, Role.USER))
        return len(records)

    # Lifecycle

    @property
    def statistics(self) -> Statistics:
        """What the engine holds right now."""
        return Statistics(self._hub.watchers, len(self._transactions.locks), len(self._running))

    async def drain(self) -> None:
        """Send the watchers elsewhere, spread over `drain_spread` seconds, and let running requests finish."""
        self._draining = True
        watchers = self._hub.all_watchers()
        spread = self.limits.drain_spread
        for place, watcher in enumerate(watchers):
            if place:
                await asyncio.sleep(spread / len(watchers))
            after = round(random.uniform(0, spread * 1000))  # noqa: S311 - spreads load, guards nothing
            watcher.close(CloseCode.DRAINING, last=told("draining", afterMs=after))
        with suppress(TimeoutError):
            async with asyncio.timeout(spread):
                await self._hub.emptied()
        if self._running:
            await asyncio.wait(self._running, timeout=self.limits.hook_timeout)

    def resume(self) -> None:
        """Accept watchers again after a drain."""
        self._draining = False

    async def aclose(self) -> None:
        """Drain, stop all work in the background, and close the store if the engine has opened it."""
        await self.drain()
        await self._subscriptions.aclose()
        if self._owns_store:
            self._is_ready = False
            await self.store.aclose()

    async def health(self) -> Reply:
        """Say whether this worker should be sent requests: the store answers, and nobody has asked it to drain.

        Returns:
            `status` (`ready`, `draining` or `unavailable`), `store`, `watchers` and `running` (requests being carried
            out); with status 200 if ready, else 503.
        """
        status = "draining" if self._draining else "ready"
        try:
            if not self._draining:  # a store that was closed stays so
                await self.store.ready()
        except HandshakeError:
            status = "unavailable"
        held = self.statistics
        members = {"status": status, "store": type(self.store).__name__}
        payload = members | {"watchers": held.watchers, "running": held.running}
        return Reply(payload, status=200 if status == "ready" else 503)

    # How operations are carried out

    async def _get_ready(self) -> None:
        """Have the store ready before its clock is asked."""
        if not self._is_ready:
            await self.store.ready()
            self._is_ready = True

    async def _serve(
        self,
        operation: Operation,
        session_id: str,
        credential: Credential | str | None,
        request: object,
        answer: Callable[[Admission], Awaitable[dict[str, Any]]],
        *,
        visit: Visit = PLAIN_VISIT,
    ) -> Reply:
        """Admit a request, carry it out, and let reply and refusal alike tell what is left of the quota."""
        admission = await self._admit(operation, session_id, credential, request, visit)
        try:
            return Reply(await answer(admission), quota=admission.quota)
        except HandshakeError as error:
            error.quota = admission.quota
            raise

    async def _admit(
        self,
        operation: Operation,
        session_id: str,
        credential: Credential | str | None,
        request: object,
        visit: Visit,
    ) -> Admission:
        """Admit a request, and note that the session and its agent are there."""
        if not self._is_ready:
            await self._get_ready()
        admission = await self._guard.admit(operation, session_id, Credential.of(credential), request, visit=visit)
        self._hub.renew(session_id, admission.loaded.record.expires_at)
        if admission.agent_name and operation in ANNOUNCED:
            self._announce(admission.session, admission.agent_name)
        return admission

    def _announce(self, session: Session, name: str) -> None:
        """Let the page know of the agent, in the background: no request waits for that."""
        turn = self._transactions.turn(Role.AGENT)
        if session.is_announced(name, turn.now):
            return

        async def announce() -> None:
            with suppress(HandshakeError):  # the next request announces it as well
                await self._transitions.announce(session.session_id, name, turn)

        self._spawn(announce())

    async def _act(
        self, admission: Admission, asked: messages.ActionRequest, *, key: str | None = None, fingerprint: str = ""
    ) -> dict[str, Any]:
        played = await self._batches.play(admission, asked, key=key, fingerprint=fingerprint)
        if self.hooks.wants_done:
            self._spawn(self.hooks.done(played.session.detached(), played.outcomes))
        return played.payload

    async def _changes(self, admission: Admission, since: str, patience: float) -> Changes:
        """Collect what changed, waiting up to `patience` seconds for the first change."""
        changes = await changes_since(self._transactions, admission.loaded, since, limits=self.limits)
        if changes.events or changes.truncated or not patience or self._draining:
            return changes
        until = asyncio.get_running_loop().time() + patience
        async with self._subscriptions.joining(admission.session_id, place_of(since)) as loaded:
            watcher = self._subscriptions.join(loaded.record, admission.role, polling=True)
        try:
            while True:
                admission.confirm(loaded.record.session)
                changes = await changes_since(self._transactions, loaded, since, limits=self.limits)
                left = until - asyncio.get_running_loop().time()
                if changes.events or changes.truncated or left <= 0:
                    return changes
                if self._draining or watcher.close_code is not None:
                    return changes
                await watcher.stirred(min(left, self._transactions.left(loaded.record)))
                loaded = await self._transactions.read(admission.session_id, after=place_of(since))
        finally:
            self._subscriptions.leave(watcher)

    async def _carry(self, watch: Watcher, message: dict[str, Any]) -> tuple[Session, list[Outcome]]:
        """Carry out a message from a watcher's page; return what it led to."""
        if message["type"] not in ("userEdit", "release"):
            check_value(message, self.limits)
            sent = self._transitions.send_to_mode(watch.session_id, message, watch.role, source=watch.source)
            outcomes, record = await self._finish(sent)
            return record.session, outcomes
        if watch.role is not Role.USER:
            raise UserRequiredError
        asked = messages.decode(messages.PageMessage, message)
        value = None if asked.type == "release" else (asked.value,)
        edited = self._transitions.edit(watch.session_id, asked.key, value, source=watch.source)
        outcome, record = await self._finish(edited)
        return record.session, [outcome]

    async def _finish(self, work: Coroutine[Any, Any, T]) -> T:
        """Carry something through to its end, even if the client that asked for it is gone meanwhile."""
        if self.store.immediate and not self.hooks.any:
            return await work
        return await asyncio.shield(self._spawn(work))

    def _spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # seen: whoever still waits gets it, and nobody else has to be told

    # Views

    def _standing(self, record: Record) -> dict[str, Any]:
        session = record.session
        return {
            "sessionId": session.session_id,
            "mode": session.mode,
            "expiresIn": self._left(record),
            "maxExpiresIn": whole_seconds(session.deadline - self.store.now()),
            "watchers": self._subscriptions.clients(record),
            "cursor": str(session.cursor),
        }

    async def _owned(self, owner: Any) -> list[Record]:
        await self._get_ready()
        found = [await self.store.load(session_id) for session_id in await self.store.owned_by(owner)]
        return [one.record for one in found if one and one.record.ended(self.store.now()) is None]

    def _context(self, record: Record, role: Role) -> dict[str, Any]:
        session = record.session
        return {
            "sessionId": session.session_id,
            "mode": session.mode,
            "role": role,
            **self._modes.of(session).context_response(session, role),
            "context": session.context(role),
            "meta": session.meta,
            "expiresIn": self._left(record),
            "cursor": str(session.cursor),
        }

    def _left(self, record: Record) -> int:
        return whole_seconds(record.expires_at - self.store.now())


async def _read(shape: type[T], body: Body) -> T:
    return messages.decode(shape, await body() if callable(body) else body)
