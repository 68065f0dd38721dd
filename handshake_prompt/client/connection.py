"""Connection of an agent to its session: address, credentials, HTTP client, and an end."""

from __future__ import annotations

import weakref
from typing import Self

import httpx

from handshake_prompt.texts.prompt import ParsedPrompt, parse_prompt
from handshake_prompt.texts.secret import Secret

from .address import address
from .changes import Changes
from .headers import identity_headers
from .http import HTTPClient
from .network import open_http_client, peer_name
from .pickup import pick_up
from .polling import SessionReader


class AgentConnection:
    """Base of `HandshakeAgent`; see there, also for the arguments."""

    def __init__(
        self,
        session_id: str,
        token: str,
        base_url: str,
        *,
        prefix: str = "/handshake",
        name: str | None = None,
        http: httpx.AsyncClient | None = None,
        timeout: float = 15.0,
        allow_http: bool = False,
    ) -> None:
        token = Secret(token)
        self._prompt = ParsedPrompt(session_id, token, base_url.rstrip("/"), prefix.rstrip("/"))
        url = address(self._prompt, allow_http=allow_http)
        headers = identity_headers(self._prompt, name)
        if not 0 < timeout < float("inf"):
            raise ValueError(f"timeout is a positive number of seconds, not {timeout!r}")
        self._client = HTTPClient(
            http or open_http_client(url),
            str(url),
            headers=headers,
            token=token,
            timeout=timeout,
            peer=url.netloc.decode() if http else peer_name(url),
            owns_http=http is None,
        )
        self._following: weakref.WeakSet[Changes] = weakref.WeakSet()

    @classmethod
    def from_prompt(
        cls,
        text: str,
        *,
        name: str | None = None,
        http: httpx.AsyncClient | None = None,
        timeout: float = 15.0,
        allow_http: bool = False,
    ) -> Self:
        """Open the session of a pasted prompt.

        Args:
            text: the handshake prompt, with or without other text around it.
            name: as for the class, like the rest.
            http: see there.
            timeout: see there.
            allow_http: see there.

        Raises:
            PromptError: the text is no usable prompt.
            InsecureAddressError, LocalSetupError, ValueError: as for the class.
        """
        text = Secret(text)
        found = parse_prompt(text)
        return cls(
            found.session_id,
            found.token,
            found.base_url,
            prefix=found.prefix,
            name=name,
            http=http,
            timeout=timeout,
            allow_http=allow_http,
        )

    @classmethod
    async def from_pickup(
        cls,
        text: str,
        *,
        name: str | None = None,
        http: httpx.AsyncClient | None = None,
        timeout: float = 15.0,
        allow_http: bool = False,
    ) -> Self:
        """Exchange a one-time code for the prompt of its session, once, and open that.

        Args:
            text: the address of the pickup, with or without other text around it.
            name: as for the class, like the rest.
            http: see there.
            timeout: see there.
            allow_http: see there.

        Raises:
            PromptError, AgentError, ValueError: as for `pick_up`.
        """
        prompt = await pick_up(text, name=name, http=http, timeout=timeout, allow_http=allow_http)
        return cls.from_prompt(prompt, name=name, http=http, timeout=timeout, allow_http=allow_http)

    @property
    def session_id(self) -> str:
        """The session."""
        return self._prompt.session_id

    @property
    def base_url(self) -> str:
        """The server's address, without the mount's prefix."""
        return self._prompt.base_url

    def __repr__(self) -> str:
        return f"<HandshakeAgent of session {self.session_id} at {self.base_url}{self._prompt.prefix}>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the streams of changes, and the HTTP client unless it was given."""
        for changes in list(self._following):
            await changes.aclose()
        await self._client.aclose()

    def changes(self, since: str | None = None) -> Changes:
        """Follow the session: `async for change in agent.changes()`.

        The stream resumes from its last cursor by itself: connection losses, restarts and refusals for the moment are
        waited out, for as long as it takes. The iteration ends with an error once the verdict is final,
        `SessionEndedError` as a rule.

        Args:
            since: a cursor, such as `context["cursor"]`, or an ISO 8601 instant, such as the `at` of a change. Without
                it, the news from the first step of the iteration on, not from this call.

        Returns:
            An async iterator of `Change`, `RowChange`, `RequestEnded` and `ProblemsChanged`, and of `Gap` where changes
            may have been missed or the page has changed its form.
        """
        changes = Changes(SessionReader(self._client, self.session_id), since or None)
        self._following.add(changes)
        return changes

    def _endpoint_path(self, name: str) -> str:
        return f"/{name}/{self.session_id}"
