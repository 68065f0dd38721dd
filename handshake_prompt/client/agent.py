"""`HandshakeAgent`: one session as its agent sees it, from a pasted prompt to a stream of changes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Literal, overload
from urllib.parse import quote

from .answers import GRACE, RECHECK, Answer, answer_among, next_answer
from .batch import actions_of, given_members, json_body
from .connection import AgentConnection
from .decoding import (
    ActionReply,
    AskReply,
    ContextReply,
    DiffReply,
    ExtendReply,
    OptionsReply,
    WithdrawReply,
    check_members,
    decode_members,
    markdown_text,
)
from .headers import mint_key, writing_headers
from .http import Request
from .later_versions import if_known, if_supported
from .rows import LAST, Place, add_action, move_action, remove_action

MOST_PACED = 60.0
"""Seconds that a server of version 0.2 may spend between the fields of one batch, on top of the usual limit."""


class HandshakeAgent(AgentConnection):
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
        reply = await self._client.send(Request(path=self._endpoint_path("context"), headers=headers))
        return markdown_text(reply.content_type, reply.body) if markdown else decode_members(reply.body, ContextReply)

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
            values: values by key, or a list of actions such as `{"type": "set", "key": ..., "value": ..., "ifRev": 3}`;
                `source`, `reason` and `confidence` (0 to 1) of an action are shown to the person.
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
                path=self._endpoint_path("action"),
                body=body,
                headers=writing_headers(mint_key() if idempotency_key is None else idempotency_key),
                slack=min(max(paced, 0.0), MOST_PACED),
            )
        )
        return decode_members(reply.body, ActionReply)

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
        return await self._edit_rows(add_action(key, value, after))

    async def remove_row(self, row_key: str) -> dict[str, Any]:
        """Remove a row with all that is in it, unless a part of it is the person's.

        Args:
            row_key: such as `lines/r3`.

        Returns:
            The members as `action` returns them. A refusal is data, not an error.

        Raises:
            RefusedError, AgentError: as for `add_row`.
        """
        return await self._edit_rows(remove_action(row_key))

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
        return await self._edit_rows(move_action(row_key, after))

    async def suggest(
        self,
        key: str,
        value: Any,
        *,
        reason: str | None = None,
        source: str | None = None,
        confidence: float | None = None,
    ) -> dict[str, Any]:
        """Suggest a value for a field, also for one that the person has written; they accept or dismiss it.

        It ends by itself when the person changes the field. Its end is told by `changes`, as `RequestEnded`, and by
        `get_diff`.

        Args:
            key: the field.
            value: to suggest.
            reason: for the person: why it should be this one.
            source: for the person: where it comes from.
            confidence: from 0 to 1.

        Returns:
            The members as `action` returns them: the entry of `results` has the id of the `request`. A refusal is
            data, not an error.

        Raises:
            RefusedError: the page takes no suggestions, or its server is too old for them (`unsupported_action`).
            ValueError, TypeError, AgentError: as for `action`.
        """
        about = given_members(reason=reason, source=source, confidence=confidence)
        reply = await self.action([{"type": "suggest", "key": key, "value": value, **about}])
        return if_supported(reply, "suggestions", instead="Say in the chat what you would change.")

    async def ask(
        self,
        text: str,
        *,
        fields: Sequence[Mapping[str, Any]] | None = None,
        key: str | None = None,
        expires_in: float | None = None,
    ) -> Answer:
        """Ask the person something on the page, and wait until they answer or the time is over.

        Lost connections are waited out. A wait that is cancelled leaves the question open; `open_question` and `answer`
        are the two halves of this call.

        Args:
            text: the question.
            fields: fields for the answer, as entries of a schema (SPEC.md section 5); without it, yes or no.
            key: a field of the form to answer in. That of a sensitive field is how to ask for a secret: the value goes
                there, and the agent learns that it is filled.
            expires_in: seconds for the person to answer in; the server's choice by default.

        Returns:
            How it ended, true if the person agreed. Time that ran out is told apart from a no, and is no answer.

        Raises:
            RefusedError: the server is too old (`unsupported`), or does not take the question.
            RateLimitedError: the person has been asked too much already.
            SessionEndedError: the session ended first: there is no answer.
            ValueError, TypeError: JSON cannot express `fields`.
            AgentError: it failed otherwise.
        """
        return await self.answer(await self.open_question(text, fields=fields, key=key, expires_in=expires_in))

    async def open_question(
        self,
        text: str,
        *,
        fields: Sequence[Mapping[str, Any]] | None = None,
        key: str | None = None,
        expires_in: float | None = None,
        idempotency_key: str | None = None,
    ) -> dict[str, Any]:
        """Ask the person something on the page, without waiting for the answer.

        Args:
            text: see `ask`, like the rest.
            fields: see there.
            key: see there.
            expires_in: see there.
            idempotency_key: of the question; a new one by default.

        Returns:
            The members as they are on the wire: `id`, `status`, `expiresIn`, `cursor`, and `attended`: whether the
            person has the page open and in view.

        Raises:
            RefusedError, RateLimitedError, ValueError, TypeError, AgentError: as for `ask`.
        """
        body = json_body(given_members(text=text, fields=fields, key=key, expiresIn=expires_in))
        headers = writing_headers(idempotency_key or mint_key())
        request = Request(path=self._endpoint_path("ask"), body=body, headers=headers)
        reply = await if_known(self._client.send(request), "questions", instead="Ask the person in the chat.")
        return decode_members(reply.body, AskReply)

    async def answer(self, opened: Mapping[str, Any]) -> Answer:
        """Wait until the person answers a question, or its time is over.

        Args:
            opened: the reply of `open_question`, or its `id`, `cursor` and `expiresIn`.

        Raises:
            RefusedError: it ended long ago, and its end was told to an earlier reader (`answer_gone`).
            SessionEndedError: the session ended first: there is no answer.
            BadReplyError: `opened` is no such reply.
            AgentError: it failed otherwise.
        """
        asked = check_members(dict(opened), AskReply)
        left = asked.expires_in + GRACE
        async with self.changes(asked.cursor) as changes:
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(left):
                        return await next_answer(changes, asked.id)
                context = await self.get_context()
                if (answer := answer_among(context.get("requests"), asked.id)) is not None:
                    return answer
                left = RECHECK

    async def withdraw(self, request_id: str) -> dict[str, Any]:
        """Take a question or a suggestion back.

        Returns:
            The members as they are on the wire: `id` and `status`.

        Raises:
            RefusedError: there is no such request, or it has ended otherwise.
            AgentError: it failed otherwise.
        """
        path = f"{self._endpoint_path('ask')}/{quote(request_id, safe='')}"
        reply = await self._client.send(Request(path=path, method="DELETE"))
        return decode_members(reply.body, WithdrawReply)

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
        reply = await self._client.send(Request(path=self._endpoint_path("diff"), query=query, wait=max(wait, 0.0)))
        return decode_members(reply.body, DiffReply)

    async def options(self, key: str, query: str = "") -> dict[str, Any]:
        """Look up the options of a field that has none in the schema (`lookup: true`).

        Args:
            key: the field, or a cell of it.
            query: letters that an option has to have; none by default.

        Returns:
            The members as they are on the wire: `options`, as in a schema, and `truncated` if there are more.

        Raises:
            RefusedError: the field has no such options, or the server is too old for them (`unsupported`).
            ServerUnavailableError: the application behind the page cannot tell now.
            AgentError: it failed otherwise.
        """
        query_members = {"key": key, **({"q": query} if query else {})}
        request = Request(path=self._endpoint_path("options"), query=query_members)
        reply = await if_known(self._client.send(request), "options to look up", instead="Write the value as text.")
        return decode_members(reply.body, OptionsReply)

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
        return decode_members(reply.body, ExtendReply)

    async def _edit_rows(self, action: Mapping[str, Any]) -> dict[str, Any]:
        reply = await self.action([action])
        return if_supported(reply, "rows", instead="Write the list as the value of its field, if the page has one.")
