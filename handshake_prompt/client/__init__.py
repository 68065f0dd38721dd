"""The agent's side of a session: `async with HandshakeAgent.from_prompt(text) as agent`."""

from __future__ import annotations

from handshake_prompt.texts.prompt import PromptError

from .agent import HandshakeAgent
from .answers import Answer
from .changes import Changes
from .errors import (
    AgentError,
    BadReplyError,
    CredentialRefusedError,
    InsecureAddressError,
    LocalSetupError,
    RateLimitedError,
    RefusedError,
    ServerUnavailableError,
    SessionEndedError,
)
from .pickup import pick_up
from .updates import Change, Gap, ProblemsChanged, RequestEnded, RowChange

__all__ = [
    "AgentError",
    "Answer",
    "BadReplyError",
    "Change",
    "Changes",
    "CredentialRefusedError",
    "Gap",
    "HandshakeAgent",
    "InsecureAddressError",
    "LocalSetupError",
    "ProblemsChanged",
    "PromptError",
    "RateLimitedError",
    "RefusedError",
    "RequestEnded",
    "RowChange",
    "ServerUnavailableError",
    "SessionEndedError",
    "pick_up",
]
