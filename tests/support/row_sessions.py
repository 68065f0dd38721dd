"""Sessions of a form with rows, and the mode's work on them."""

from __future__ import annotations

from typing import Any

from handshake_prompt.modes import FormFillHandler
from handshake_prompt.protocol.bodies import Action
from handshake_prompt.protocol.credentials import Role
from handshake_prompt.session import Session, Turn
from tests.support.forms import NOON, act, new_session

SCHEMA: list[dict[str, Any]] = [
    {"key": "title"},
    {
        "key": "lines",
        "type": "rows",
        "maxRows": 3,
        "fields": [
            {"key": "text"},
            {"key": "amount", "type": "int", "min": 0},
            {"key": "tax", "type": "int", "default": 19},
            {"key": "home/street", "group": "Home"},
            {"key": "total", "readOnly": True},
            {"key": "bags", "type": "rows", "maxRows": 2, "fields": [{"key": "kg", "type": "int"}]},
        ],
    },
]
AGENT, USER = Role.AGENT, Role.USER
HANDLER = FormFillHandler()


def session_with(*lines: dict[str, Any], **body: Any) -> Session:
    """Return a session whose list has these rows, by the agent."""
    session = new_session(HANDLER, schema=SCHEMA, **body)
    return act(HANDLER, session, *(Action("add", "lines", line) for line in lines))[1] if lines else session


def turn_of(session: Session, author: Role) -> Session:
    return session.checkout(Turn(author=author, now=NOON))


def held(session: Session) -> dict[str, tuple[Any, str]]:
    return {key: (field.value, field.by) for key, field in session.values.items()}
