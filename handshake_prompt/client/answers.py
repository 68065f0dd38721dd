"""Answers of the person to an agent's requests. SPEC.md section 5.

A request ends in one of five ways, and two of them alone are answers. Time that ran out is neither a yes nor a no.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .decoding import EndedRequest, check_members
from .errors import LocalSetupError, RefusedError
from .updates import Gap, RequestEnded, Update

OPEN = "open"
GRACE = 5.0
"""Seconds that the news of an expiry may take."""
RECHECK = 30.0
"""Seconds until a request is looked at again that has outlived its time, as the server's clock tells it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """How a request has ended. It counts as true if the person said yes, and in no other case.

    Args:
        id: of the request.
        status: `answered` (the person agreed, or filled it in) or `declined` (the person said no); or without an
            answer: `expired`, `withdrawn` by the agent, `superseded` by another one.
        values: the person's answers by key; a sensitive value is not among them.
        filled: whether the person has filled in the sensitive field that was asked for.
    """

    id: str
    status: str
    values: Mapping[str, Any] = field(default_factory=dict)
    filled: bool = False

    @property
    def accepted(self) -> bool:
        """Whether the person agreed, or filled it in."""
        return self.status == "answered"

    @property
    def declined(self) -> bool:
        """Whether the person said no."""
        return self.status == "declined"

    @property
    def is_silence(self) -> bool:
        """Whether the person has not answered at all: neither yes nor no."""
        return not (self.accepted or self.declined)

    def __bool__(self) -> bool:
        return self.accepted


async def next_answer(changes: AsyncIterator[Update], request_id: str) -> Answer:
    """Return the end of a request, once a change tells it, or the state that stands for changes missed.

    Raises:
        LocalSetupError: the agent was closed meanwhile.
        AgentError: the changes ended otherwise, or as for `answer_among`.
    """
    async for update in changes:
        if isinstance(update, RequestEnded) and update.id == request_id:
            return Answer(update.id, update.status, update.values, update.filled)
        if isinstance(update, Gap) and (answer := answer_among(update.context.get("requests"), request_id)) is not None:
            return answer
    raise LocalSetupError("The agent was closed while it waited for an answer", code="closed")


def answer_among(requests: object, request_id: str) -> Answer | None:
    """Return the end of a request from the list of a context; None while it is open.

    Raises:
        RefusedError: it is not among them: it has ended, and its end was told to an earlier reader (`answer_gone`).
        BadReplyError: one of them is malformed.
    """
    for ended in _own_request(requests):
        if ended.id == request_id:
            return None if ended.status == OPEN else Answer(ended.id, ended.status, ended.values, ended.filled)
    raise RefusedError(
        "The request has ended, and its answer was read before",
        code="answer_gone",
        next_steps=["Read the context to see what the person has changed; ask again if that does not tell."],
    )


def _own_request(requests: object) -> Iterable[EndedRequest]:
    entries = requests if isinstance(requests, list) else []
    return (check_members(entry, EndedRequest) for entry in entries if isinstance(entry, dict))
