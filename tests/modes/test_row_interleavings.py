"""Interleavings of a person and an agent on one list of rows, each with a view that may be old."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest

from handshake_prompt.modes import FormFillHandler
from handshake_prompt.protocol.bodies import Action
from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.events import frame
from handshake_prompt.session import Session, Turn, rows
from tests.support.cost import untraced
from tests.support.forms import NOON, new_session
from tests.support.row_history import RowHistory, named

SCHEMA = [
    {
        "key": "lines",
        "type": "rows",
        "fields": [
            {"key": "text"},
            {"key": "note", "default": "-"},
            {"key": "bags", "type": "rows", "fields": [{"key": "kg"}]},
        ],
    }
]
HANDLER = FormFillHandler()
START: dict[str, Any] = {"lines": [{"bags": [{}]}, {}]}
STEPS = 14


class Client:
    """A person or an agent: it acts on the rows it saw last, which may be gone or elsewhere by now."""

    def __init__(self, role: Role, chance: random.Random) -> None:
        self.role = role
        self.chance = chance
        self.seen: dict[str, tuple[str, ...]] = {}

    def look(self, session: Session) -> None:
        self.seen = dict(session.rows)

    def list_key(self) -> str:
        return self.chance.choice(["lines", *(f"lines/{row}/bags" for row in self.seen.get("lines", ()))])

    def act(self, session: Session, mark: int) -> None:
        """Do one thing to what was seen last."""
        listed = self.list_key()
        ids = self.seen.get(listed, ())
        row = f"{listed}/{self.chance.choice(ids)}" if ids else f"{listed}/r0"
        cell = f"{row}/{'kg' if listed.endswith('bags') else 'text'}"
        after = self.chance.choice([*ids, None])
        kind = self.chance.choice(["add", "remove", "move", "set", "set", "release", "whole"])
        if kind == "whole":
            HANDLER.set_value(session, listed, [{}] * self.chance.randrange(3))
        elif kind == "release":
            rows.release(session, row) if self.chance.random() < 0.5 else session.release(cell)
        elif kind == "set":
            HANDLER.set_value(session, cell, named(cell, mark))
        else:
            HANDLER.process_action(session, Action(kind, listed if kind == "add" else row, after=after))


def context_of(session: Session) -> Any:
    members = {"rows": session.rows, "context": session.context(Role.USER)}
    return msgspec.json.decode(msgspec.json.encode(members))


def interleaved(seed: int) -> list[str]:
    """Play one interleaving; return all that was wrong with it."""
    chance = random.Random(seed)
    session = new_session(HANDLER, schema=SCHEMA, defaults=START)
    history = RowHistory(context_of(session))
    clients = [Client(role, chance) for role in Role]
    for mark in range(STEPS):
        client = chance.choice(clients)
        if chance.random() < 0.5:
            client.look(session)
        draft = session.checkout(Turn(author=client.role, now=NOON))
        for _ in range(chance.choice([1, 1, 3])):
            client.act(draft, mark)
        locked = {row for row in session.row_authors if history.is_locked(row)}
        events = draft.commit()
        if chance.random() < 0.2:  # another worker was first: the draft is thrown away
            continue
        history.replay(frame(event, Role.USER, epoch=draft.epoch, values=draft.values) for event in events)
        if client.role is Role.AGENT and not locked <= draft.row_authors.keys():
            history.violations.append(f"seed {seed}: a row of the person's is gone")
        session = draft
    return history.compare(context_of(session)).violations


@pytest.mark.parametrize(
    "seeds",
    [pytest.param(range(400), id="a few"), pytest.param(range(10_000), id="10 000", marks=pytest.mark.integration)],
)
def test_i1_no_write_lands_in_another_row_and_locks_move_with_the_row(seeds: range) -> None:
    with untraced():
        wrong = {seed: violations for seed in seeds if (violations := interleaved(seed))}
    assert wrong == {}


def test_the_judge_sees_a_write_that_lands_in_another_row() -> None:
    session = new_session(HANDLER, schema=SCHEMA, defaults=START).checkout(Turn(author=Role.AGENT, now=NOON))
    history = RowHistory(context_of(session))
    session.write("lines/r1/text", named("lines/r3/text", 1))
    session.write("lines/r9/text", named("lines/r9/text", 1))
    events = session.commit()
    history.replay(frame(event, Role.USER, epoch=session.epoch, values=session.values) for event in events)
    assert [violation.partition(":")[0] for violation in history.violations] == [
        "a write ended in another cell",
        "a write to a row that is not there",
    ]
