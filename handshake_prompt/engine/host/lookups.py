"""Lookup of options: by the host's hooks, or in the lists of its named forms. SPEC.md section 4."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from handshake_prompt.modes import Modes
from handshake_prompt.protocol.errors import HandshakeError, InvalidRequestError
from handshake_prompt.protocol.form_errors import OptionsUnavailableError
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.messages import OptionsReply
from handshake_prompt.protocol.values import check_key, check_value
from handshake_prompt.session import Session

from .hook import Hook
from .hooks import HookFailedError, Hooks, Reject
from .named_forms import NamedForms

logger = logging.getLogger("handshake_prompt")


class Lookups:
    """Answers for fields with `lookup: true`."""

    def __init__(self, hooks: Hooks, modes: Modes, forms: NamedForms, *, limits: Limits) -> None:
        self._hooks = hooks
        self._modes = modes
        self._forms = forms
        self._limits = limits
        self._read = Hook(self._listed, "whose options are read")

    async def find_options(self, session: Session, key: str, query: str) -> OptionsReply:
        """Return a field's options for a text; all of them, as far as there is room, for "".

        Raises:
            InvalidRequestError: the form has no such field (`unknown_field`), or its options are in the schema
                (`no_lookup`); or key or query are malformed.
            OptionsUnavailableError: a hook failed, or answered nonsense.
        """
        check_key(key, self._limits)
        if len(query) > self._limits.key_chars:
            raise InvalidRequestError(f"q has at most {self._limits.key_chars} characters")
        path = self._modes.of(session).looked_up(session, key)
        found = await self._of_hooks(session, key, query)
        if found is None:
            form = self._forms.get(session.form) if session.form else None
            found = _matching_options(form.lookups.get(path, ()) if form else (), query)
        listed = list(islice(found, self._limits.options + 1))
        reply: OptionsReply = {"key": key, "options": listed[: self._limits.options]}
        if len(listed) > self._limits.options:
            reply["truncated"] = True
        return reply

    async def _of_hooks(self, session: Session, key: str, query: str) -> Iterable[Any] | None:
        """Return the answer of the first hook to know the field, None if none does."""
        try:
            answer = await self._hooks.ask_options(session, key, query)
            if isinstance(answer, Iterable) and not isinstance(answer, Sequence | Mapping):
                answer = await self._hooks.run_hook(self._read, answer)
        except (HookFailedError, Reject):
            raise OptionsUnavailableError from None
        if answer is None:
            return None
        try:
            return self._check_options(answer)
        except (HandshakeError, TypeError) as mistake:
            told = mistake.detail if isinstance(mistake, HandshakeError) else mistake
            logger.error("A hook answered no list of options for the field %s: %s", key, told)  # noqa: TRY400
            raise OptionsUnavailableError from None

    def _listed(self, answer: Iterable[Any]) -> list[Any]:
        """Read an answer that may be lazy, as a query of a database is: host code, and away from the event loop."""
        return [*islice(answer, self._limits.options + 1)]

    def _check_options(self, answer: object) -> list[Any]:
        if isinstance(answer, str | bytes) or not isinstance(answer, Sequence):
            raise TypeError(f"{type(answer).__name__} is no list")
        options = [*answer[: self._limits.options + 1]]
        for option in options:
            check_value(option, self._limits)
            value = option.get("value", option) if isinstance(option, dict) else option
            if isinstance(value, list | dict):
                raise TypeError("an option is a text, a number, true, false, or an object with such a value")
        return options


def _matching_options(options: Iterable[Any], query: str) -> Iterable[Any]:
    """Return options with a text in their value or label, in any case."""
    wanted = query.casefold()
    return (option for option in options if wanted in _option_text(option)) if wanted else options


def _option_text(option: Any) -> str:
    parts = (option.get("value"), option.get("label")) if isinstance(option, dict) else (option,)
    return "\n".join(str(part) for part in parts if part is not None).casefold()
