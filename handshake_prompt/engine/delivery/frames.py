"""Frames on their way to a watcher: events of the log as a role is sent them, and words about the connection."""

from __future__ import annotations

import random
from typing import NamedTuple

from handshake_prompt.protocol import messages
from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.events import Event, frame
from handshake_prompt.session import Session
from handshake_prompt.session.request_record import ASKED


class Frame(NamedTuple):
    """One encoded frame on its way to a watcher.

    `kind` is its type, `cursor` the place to resume from once it has arrived; a frame about the connection has none.
    """

    text: str
    kind: str = ""
    cursor: str = ""
    seq: int = 0
    key: str | None = None
    pace: float = 0.0
    queued_at: float = 0.0
    """On the event loop's clock."""


def log_frame(event: Event, role: Role, session: Session) -> Frame:
    """Return an event of a session's log as the frame that watchers of `role` are sent."""
    members = frame(event, role, epoch=session.epoch, values=session.values)
    if event.type == ASKED and role is Role.USER and (request := session.requests.get(members["id"])) is not None:
        members |= request.content()  # the log keeps no value of a sensitive field
    return Frame(messages.encode(members).decode("ascii"), members["type"], members["cursor"], event.seq)


def draining_frame(spread: float) -> Frame:
    """Return the frame that sends a watcher elsewhere, at a moment of its own within `spread` seconds."""
    after = round(random.uniform(0, spread * 1000))  # noqa: S311 - spreads load, guards nothing
    return connection_frame("draining", afterMs=after)


def connection_frame(kind: str, **members: object) -> Frame:
    """Return a frame about a connection, which is no event of the log. Members that are None are left out."""
    given = {name: value for name, value in members.items() if value is not None}
    return Frame(messages.encode({"type": kind, **given}).decode("ascii"), kind)
