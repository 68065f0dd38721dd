"""`HandshakeAgent`: one session as its agent sees it, from a pasted prompt to a stream of changes."""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self, overload

import httpx

from handshake_prompt.texts.prompt import ParsedPrompt, parse_prompt
from handshake_prompt.texts.secret import Secret

from .address import address
from .batch import actions_of, json_body
from .changes import Changes
from .decoding import ActionReply, ContextReply, DiffReply, ExtendReply, markdown_text, members
from .headers import identity, mint_key, writing_headers
from .http import HTTPClient, Request
from .network import open_http_client, peer_name
from .polling import SessionReader
from .rows import LAST, Place, adding, moving, removing, with_rows

MOST_PACED = 60.0
"""Seconds that a server of version 0.2 may spend between the fields of one batch, on top of the usual limit."""


class HandshakeAgent:
    """One session, as its agent. Use it as an async context manager, or call `aclose` at the end.

    Every call has a time limit and is repeated by itself, with exponential back-off and jitter, where that is safe;
    writes carry an idempotency key and take effect once. Redirects are not followed: the token goes to the prompt's own
    address and nowhere else. All calls belong to the event loop of the first.

    Args:
        session_id: from the prompt.
        token: from the prompt.
        base_url: from the prompt: scheme, host, and path up to `prefix`.
        prefix: the path of the mount; empty for a mount at the root.
        name: how the agent introduces itself to the person, up to 64 printable characters.
        http: a client to use, which is left open. Its own settings decide about certificates and proxies.
        timeout: seconds for a call, repetitions included, on top of the time that a long poll asks for; a paced batch
            has the time of its pauses on top, since servers of version 0.2 answer when all has been shown.
        allow_http: send the token in the clear to other machines too.

    Raises:
        PromptError: a credential or the address is malformed.
        InsecureAddressError: the address is `http://` and not on this machine.
        LocalSetupError: the proxy or the certificates that the environment names cannot be used.
        ValueError: `name` or `timeout` cannot be used.
    """

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
        headers = identity(self._prompt, name)
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

    @overload
    async def get_context(self) -> dict[str, Any]: ...
    @overload
    async def get_context(self, *, markdown: Literal[True]) -> str: ...
    async def get_context(self, *, markdown: bool = False) -> dict[str, Any] | str:
        """Read the session.

        Args:
            markdown: as a text for reading rather than parsing. Servers of version 0.2 do not have it.

        Returns:
            The members as they are on the wire (SPEC.md section 4): `context` (a record for each value) and, by mode,
            `schema`, `missing`, `data`; `cursor` if the server has cursors. Or the text.

        Raises:
            AgentError: it failed; the subclass tells the kind, `next_steps` the remedy.
        """
        headers = {"Accept": "text/markdown"} if markdown else {}
        reply = await self._client.send(Request(path=self._path("context"), headers=headers))
        return markdown_text(reply.content_type, reply.body) if markdown else members(reply.body, ContextReply)

    async def action(
        self,
        values: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        stream: bool = True,
        interval_ms: float = 300,
        idempotency_key: str | None = None,
    ) -> dict[str, Any]:
        """Write fields, as one batch. A refused field is data in the reply, not an error.

        Args:
            values: values by key, or a list of actions such as `{"type": "set", "key": ..., "value": ..., "ifRev": 3}`.
            stream: show watchers one field after the other.
            interval_ms: the pause between two of them.
            idempotency_key: of an earlier call that is to be repeated; a new one by default.

        Returns:
            The members as they are on the wire: `applied`, `rejected`, `errors`, and `results` (SPEC.md section 4) if
            the server has them.

        Raises:
            ValueError, TypeError: JSON cannot express `values`, or the key is not 1-255 visible ASCII characters.
            AgentError: it failed; the subclass tells the kind, `next_steps` the remedy.
        """
        actions = actions_of(values)
        body = json_body({"actions": actions, "stream": stream, "intervalMs": interval_ms})
        paced = len(actions) * interval_ms / 1000 if stream else 0.0
        reply = await self._client.send(
            Request(
                path=self._path("action"),
                body=body,
                headers=writing_headers(mint_key() if idempotency_key is None else idempotency_key),
                slack=min(max(paced, 0.0), MOST_PACED),
            )
        )
        return members(reply.body, ActionReply)

    async def add_row(self, key: str, value: Mapping[str, Any] | None = None, *, after: Place = LAST) -> dict[str, Any]:
        """Add a row to a list, as a batch of its own.

        Args:
            key: the list, such as `lines`.
            value: the cells of the row, by the keys of its fields.
            after: the id of the row that it follows; None for the first place, the last one by default.

        Returns:
            The members as `action` returns them: the entry of `results` has the id of the `row`, and `lines/<row>` is
            then its key. A refusal is data, not an error.

        Raises:
            RefusedError: the page has no rows, or its server is too old for them (`unsupported_action`).
            ValueError, TypeError, AgentError: as for `action`.
        """
        return with_rows(await self.action([adding(key, value, after)]))

    async def remove_row(self, row_key: str) -> dict[str, Any]:
        """Remove a row with all that is in it, unless a part of it is the person's.

        Args:
            row_key: such as `lines/r3`.

        Returns:
            The members as `action` returns them. A refusal is data, not an error.

        Raises:
            RefusedError, AgentError: as for `add_row`.
        """
        return with_rows(await self.action([removing(row_key)]))

    async def move_row(self, row_key: str, *, after: Place = LAST) -> dict[str, Any]:
        """Move a row within its list, unless a part of it is the person's.

        Args:
            row_key: such as `lines/r3`.
            after: as for `add_row`.

        Returns:
            The members as `action` returns them. A refusal is data, not an error.

        Raises:
            RefusedError, AgentError: as for `add_row`.
        """
        return with_rows(await self.action([moving(row_key, after)]))

    async def get_diff(self, since: str | None = None, *, wait: float = 0) -> dict[str, Any]:
        """List changes; with `wait`, a long poll.

        Args:
            since: a cursor, or an ISO 8601 instant. Without it the last changes are listed.
            wait: seconds to wait for a change if there is none; servers cut it, usually at 25, and version 0.2 does
                not wait.

        Returns:
            The members as they are on the wire: `changes`; `cursor` and `truncated` if the server has cursors;
            `timedOut` if it says that the wait ran out. No change within the wait is no answer of the person's.

        Raises:
            AgentError: it failed; the subclass tells the kind, `next_steps` the remedy.
        """
        query = {"since": since} if since else {}
        reply = await self._client.send(Request(path=self._path("diff"), query=query, wait=max(wait, 0.0)))
        return members(reply.body, DiffReply)

    def changes(self, since: str | None = None) -> Changes:
        """Follow the session: `async for change in agent.changes()`.

        The stream resumes from its last cursor by itself: connection losses, restarts and refusals for the moment are
        waited out, for as long as it takes. The iteration ends with an error once the verdict is final,
        `SessionEndedError` as a rule.

        Args:
            since: a cursor, such as `context["cursor"]`, or an ISO 8601 instant, such as the `at` of a change; only
                news from now on without.

        Returns:
            An async iterator of `Change`, of `RowChange`, and of `Gap` where changes may have been missed.
        """
        changes = Changes(SessionReader(self._client, self.session_id), since or None)
        self._following.add(changes)
        return changes

    async def extend(self, extra_seconds: int = 1800) -> dict[str, Any]:
        """Give the session more time.

        It is not repeated once the server may have granted it: a second grant would add up.

        Args:
            extra_seconds: how many to ask for, 1 to 86 400.

        Returns:
            The members as they are on the wire: the seconds granted (`extended`) and left (`expiresIn`).

        Raises:
            AgentError: it failed; the subclass tells the kind, `next_steps` the remedy.
        """
        body = json_body({"extraSeconds": extra_seconds})
        path = f"/session/{self.session_id}/extend"
        reply = await self._client.send(Request(path=path, body=body, headers=writing_headers(), repeatable=False))
        return members(reply.body, ExtendReply)

    def _path(self, name: str) -> str:
        return f"/{name}/{self.session_id}"
