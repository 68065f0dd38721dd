"""Replies on a whole session: opened, its standing, more time, a new token, a pickup, the end. SPEC.md section 4."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict

from .messages import CreationWarning


class AgentPresence(TypedDict, total=False):
    """The agent that was here last, by the name it gives itself; and whether it has not been heard of for long."""

    agent: str
    agentAt: str
    agentGone: bool


class PickupOffer(TypedDict):
    """A pickup as the person passes it on: its address and its code; `svg` is a QR code of the address."""

    url: str
    code: str
    expiresAt: str
    expiresIn: int
    svg: NotRequired[str]


class SessionCreated(TypedDict):
    """The reply of `POST /session`. URLs are absolute paths."""

    sessionId: str
    token: str
    mode: str
    form: NotRequired[str]
    wsUrl: str
    sessionUrl: str
    contextUrl: str
    actionUrl: str
    diffUrl: str
    notifyUrl: str
    submitUrl: str
    revertUrl: str
    pasteUrl: str
    askUrl: str
    optionsUrl: str
    answerUrl: str
    eventsUrl: str
    extendUrl: str
    rotateUrl: str
    pickupUrl: str
    expiresIn: int
    maxExpiresIn: int
    cursor: str
    protocol: str
    mcpUrl: NotRequired[str]
    baseUrl: NotRequired[str]
    prompt: NotRequired[str]
    userToken: NotRequired[str]
    pickup: NotRequired[PickupOffer]
    warnings: NotRequired[list[CreationWarning]]


class SessionStanding(AgentPresence):
    """How a session stands."""

    sessionId: str
    mode: str
    expiresIn: int
    maxExpiresIn: int
    watchers: int
    cursor: str
    status: NotRequired[str]
    submission: NotRequired[dict[str, Any]]


class SessionStatus(SessionStanding):
    """The reply of `GET /session/{sid}`."""

    role: str


class Extended(TypedDict):
    """The reply of `POST /session/{sid}/extend`: `extended` is the time granted, in seconds."""

    ok: bool
    extended: int
    expiresIn: int


class Rotated(TypedDict):
    """The reply of `POST /session/{sid}/rotate`; `seq` is that of the event."""

    ok: bool
    token: str
    expiresIn: int
    seq: int
    prompt: NotRequired[str]


class PickupOpened(TypedDict):
    """The reply of `POST /session/{sid}/pickup`."""

    ok: bool
    pickup: PickupOffer


class Done(TypedDict):
    """The reply of `DELETE /session/{sid}`."""

    ok: bool
