"""The protocol engine: every operation of the protocol, independent of any web framework.

An operation is admitted by the guard, its body is read and parsed, the host's hooks decide, and a transaction applies
the transition. Each returns a `Reply`, which unpacks as `payload, status`, or raises a `HandshakeError`. The operations
stand in families, one a module; here they are put together with all that they work on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from handshake_prompt.modes import DEFAULT_HANDLERS, ModeHandler, Modes
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.mount import Mount
from handshake_prompt.stores import SessionStore, open_store

from .access.guard import Guard
from .host.hook import Hook
from .host.hooks import Hooks
from .host.named_forms import NamedForms
from .host.owner_login import OwnerLogin
from .operations.forms import FormOperations
from .operations.host import HostOperations
from .operations.pasting import PasteOperations
from .operations.pickups import PickupOperations
from .operations.requests import RequestOperations
from .operations.sessions import SessionOperations
from .operations.values import ValueOperations
from .options import check_values
from .session_reply import Prompt, SessionReplies
from .worker import Worker, Workers


class ProtocolEngine(
    SessionOperations,
    ValueOperations,
    RequestOperations,
    PasteOperations,
    PickupOperations,
    FormOperations,
    HostOperations,
):
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
        TypeError: an argument is of another type than described.
        ValueError: `ttl` is not positive, `public_url` is no address, the URL names no store that can be opened, or
            there are two proofs of the user role.
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
        check_values(
            store=store,
            ttl=ttl,
            validator=validator,
            owner=owner,
            require_browser_auth=require_browser_auth,
            prompt=prompt,
            public_url=public_url,
            limits=limits,
        )
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
        check = partial(hooks.answers_true, Hook(require_browser_auth)) if require_browser_auth else None
        guard = Guard(opened, limits=limits, login=login.proves_owner if login else check)
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

    def __repr__(self) -> str:
        return f"<ProtocolEngine on {self.store!r}>"
