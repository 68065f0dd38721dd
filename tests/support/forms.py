"""Forms without a server: fields, sessions, and a mode's work on them."""

from __future__ import annotations

from typing import Any

import msgspec

from handshake_prompt.forms.constraints import CustomType
from handshake_prompt.forms.fields import Field
from handshake_prompt.forms.schema import compile_schema
from handshake_prompt.modes import ModeHandler
from handshake_prompt.protocol.bodies import Action, CreateRequest
from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.messages import Outcome
from handshake_prompt.session import Session, Turn

LINES: dict[str, Any] = {
    "mode": "form-fill",
    "schema": [
        {"key": "purpose", "type": "string"},
        {
            "key": "lines",
            "type": "rows",
            "maxRows": 5,
            "fields": [{"key": "date", "type": "date", "required": True}, {"key": "amount", "type": "number"}],
        },
    ],
}
"""A body of `POST /session` for a form with rows."""
NOON = 1_767_268_800.0


def field(*, custom_type: CustomType | None = None, **members: Any) -> Field:
    """Return the compiled field that has the given members and the key `k`."""
    return compile_schema([{"key": "k", **members}], Limits(), custom_type=custom_type)["k"]


def new_session(handler: ModeHandler, *, session_id: str = "5" * 32, **body: Any) -> Session:
    """Return a session as `handler` sets it up for the body of `POST /session`, in Python's names."""
    session = Session(
        session_id=session_id,
        mode="form-fill",
        epoch="e" * 8,
        token_digest="a",
        user_digest="u",
        created_at=0.0,
        deadline=86_400.0,
        ttl=1800.0,
    ).checkout(Turn(author=Role.USER, now=NOON))
    handler.setup_session(session, CreateRequest(**body))
    session.commit()
    return session


def shown(handler: ModeHandler, session: Session, role: Role) -> Any:
    """Return the mode's members of the context, as a client reads them."""
    return msgspec.json.decode(msgspec.json.encode(handler.context_response(session, role)))


def act(handler: ModeHandler, session: Session, *actions: Action) -> tuple[list[Outcome], Session]:
    """Play a batch as the agent; return its outcomes and the session after it."""
    draft = session.checkout(Turn(author=Role.AGENT, now=NOON))
    outcomes = handler.process_actions(draft, actions)
    draft.commit()
    return outcomes, draft


def edit(handler: ModeHandler, session: Session, key: str, value: Any) -> tuple[Outcome, Session]:
    """Write a field as the person; return the outcome and the session after it."""
    draft = session.checkout(Turn(author=Role.USER, now=NOON))
    outcome = handler.process_notify(draft, key, value)
    draft.commit()
    return outcome, draft


def put(key: str, value: Any, *, if_rev: int | None = None) -> Action:
    """Return the action that writes one field."""
    return Action("set", key, value, if_rev)


def form_of(fields: int, **members: Any) -> list[Any]:
    """Return a schema of so many fields, `k0`, `k1` and on, alike but for their keys."""
    return [{"key": f"k{number}", **members} for number in range(fields)]
