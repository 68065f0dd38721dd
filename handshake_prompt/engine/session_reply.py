"""Replies that carry a token: a session's URLs, and the prompt to pass on."""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, signature
from typing import Any
from urllib.parse import urlsplit

import msgspec

from handshake_prompt.modes import Modes
from handshake_prompt.protocol.bodies import PromptRequest
from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.errors import InvalidRequestError
from handshake_prompt.protocol.messages import encode, whole_seconds
from handshake_prompt.protocol.mount import PROTOCOL_VERSION, Mount
from handshake_prompt.protocol.prompt_codes import prompt_code
from handshake_prompt.protocol.session_messages import SessionCreated
from handshake_prompt.session import Session
from handshake_prompt.stores import Record
from handshake_prompt.texts.prompt import LANGUAGES, build_prompt, is_address

Prompt = bool | Callable[..., str]
"""Whether replies bring a prompt unasked, or its builder.

It is called as `builder(created, base_url, language=, data=, page=, again=)`, without the last two if it has none.
"""

PromptWish = bool | PromptRequest | None
"""A request's own wish for a prompt."""


class SessionReplies:
    """Composes the replies to creations and rotations.

    Args:
        mount: where the protocol is served when a call does not say.
        modes: the meaning of the values that a prompt shows.
        prompt: whether prompts are built unasked, or their builder.
    """

    def __init__(self, mount: Mount, modes: Modes, *, prompt: Prompt = False) -> None:
        self._mount = mount
        self._modes = modes
        self._prompt = prompt
        self._builder: Callable[..., str] = prompt if callable(prompt) else build_prompt
        self._shows_page = _takes_argument(self._builder, "page")
        self._knows_pickups = _takes_argument(self._builder, "again")

    def creation_members(self, record: Record, token: str, *, mount: Mount | None, now: float) -> SessionCreated:
        """Return the members of the reply to `POST /session`, all but the prompt."""
        session = record.session
        session_id = session.session_id
        place = mount or self._mount
        payload: SessionCreated = {
            "sessionId": session_id,
            "token": token,
            "mode": session.mode,
            "wsUrl": f"{place.ws_prefix}/{session_id}",
            "sessionUrl": f"{place.prefix}/session/{session_id}",
            "contextUrl": f"{place.prefix}/context/{session_id}",
            "actionUrl": f"{place.prefix}/action/{session_id}",
            "diffUrl": f"{place.prefix}/diff/{session_id}",
            "notifyUrl": f"{place.prefix}/notify/{session_id}",
            "submitUrl": f"{place.prefix}/submit/{session_id}",
            "revertUrl": f"{place.prefix}/revert/{session_id}",
            "pasteUrl": f"{place.prefix}/paste/{session_id}",
            "askUrl": f"{place.prefix}/ask/{session_id}",
            "optionsUrl": f"{place.prefix}/options/{session_id}",
            "answerUrl": f"{place.prefix}/answer/{session_id}",
            "eventsUrl": f"{place.prefix}/events/{session_id}",
            "extendUrl": f"{place.prefix}/session/{session_id}/extend",
            "rotateUrl": f"{place.prefix}/session/{session_id}/rotate",
            "pickupUrl": f"{place.prefix}/session/{session_id}/pickup",
            "expiresIn": whole_seconds(record.expires_at - now),
            "maxExpiresIn": whole_seconds(session.deadline - now),
            "cursor": str(session.cursor),
            "protocol": PROTOCOL_VERSION,
        }
        if place.offers_mcp:
            payload["mcpUrl"] = f"{place.prefix}/mcp/{session_id}"
        if session.form:
            payload["form"] = session.form
        if base_url := self._base_url(mount):
            payload["baseUrl"] = base_url
        return payload

    def prompt_language(self, wish: PromptWish, mount: Mount | None) -> str | None:
        """Return the language a prompt is wanted in, None if none is wanted.

        Raises:
            InvalidRequestError: one is wanted that cannot be written (`unknown_language`, `no_base_url`).
        """
        if not (wish or self._prompt):
            return None
        language = wish.language if isinstance(wish, PromptRequest) and wish.language else LANGUAGES[0]
        if language not in LANGUAGES:
            raise InvalidRequestError(f"Prompts are written in {', '.join(LANGUAGES)}", code="unknown_language")
        self.check_address(mount)
        return language

    def check_address(self, mount: Mount | None) -> None:
        """Check that a prompt can be written for the client of a request.

        Raises:
            InvalidRequestError: it cannot (`no_base_url`).
        """
        if not is_address(self._base_url(mount) or ""):
            raise InvalidRequestError(
                "A prompt names the server, and the address of this request cannot stand in one",
                code="no_base_url",
                next_steps=["Set public_url to the address that agents reach, such as https://example.com."],
            )

    def pickup_language(self, wish: PromptWish, prompt: PromptWish, mount: Mount | None) -> str | None:
        """Return the language of a prompt to pick up, None if none is wanted: its own, or else that of the other.

        Raises:
            InvalidRequestError: see `prompt_language`.
        """
        if not wish:
            return None
        has_own = isinstance(wish, PromptRequest) and wish.language
        return self.prompt_language(wish if has_own else prompt or True, mount)

    def pickup_url(self, code: str, mount: Mount | None) -> str:
        """Return the address under which a code is exchanged, once `check_address` has found that there is one."""
        scheme, host, *_ = urlsplit(self._base_url(mount) or "")
        return f"{scheme}://{host}{(mount or self._mount).prefix}/pickup/{code}"

    def prompt_text(self, created: SessionCreated, session: Session, *, language: str, again: str | None = None) -> str:
        """Return the prompt that goes with a reply, in a language that `prompt_language` returned.

        `again` is the address that gives it anew, if it is picked up.
        """
        shown: dict[str, Any] = {"page": self._page_members(session)} if self._shows_page else {}
        if again and self._knows_pickups:
            shown["again"] = again
        return self._builder(created, created["baseUrl"], language=language, data=session.meta, **shown)

    def _page_members(self, session: Session) -> dict[str, Any]:
        """Return the agent's part of a page, as `GET /context` would tell it, and the prompt's code."""
        members = self._modes.of(session).context_response(session, Role.AGENT)
        code = prompt_code(session.session_id, session.token_digest, session.seq)
        shown = {**members, "context": session.context(Role.AGENT), "code": code}
        page: dict[str, Any] = msgspec.json.decode(encode(shown))
        return page

    def _base_url(self, mount: Mount | None) -> str | None:
        return self._mount.base_url or (mount.base_url if mount else None)


def _takes_argument(builder: Callable[..., str], name: str) -> bool:
    parameters = signature(builder).parameters
    return name in parameters or any(one.kind is Parameter.VAR_KEYWORD for one in parameters.values())
