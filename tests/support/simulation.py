"""Histories made up by chance: a server as simple as can be, and clients that overlap, get lost, retry and reconnect.

It plays the package's own transitions, one at a time, in a time of its own. A `Server` can be made to misbehave by
overriding what it does, so that histories with one defect come about that are consistent apart from it.
"""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Callable
from typing import Any

import msgspec

from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.events import Change, Event, change_record, frame
from handshake_prompt.protocol.messages import Outcome as Written
from handshake_prompt.session import Session, Turn
from handshake_prompt.session.authors import By
from tests.support.history import Connection, FrameQueue, History, Members, Operation, Outcome, place
from tests.support.sessions import blank_session

KEYS = ("a", "b", "c", "d")
NOON = 1_767_268_800.0
LIFETIME = 1800


class Server:
    """Serves one session without any concurrency of its own. Each method is one operation, done at once."""

    def __init__(self) -> None:
        self.session = blank_session()
        draft = self.session.checkout(Turn(Role.USER, NOON))
        for key in KEYS[:2]:
            draft.give(key, f"{key} at first", by=By.DEFAULT)
        draft.commit()
        self.session = draft
        self.log: list[Event] = []
        self.kept: dict[str, Members] = {}
        self.time = 0.0
        self.granted = 0
        self.answering = True
        """Whether a client will get the answer to what is being done."""

    @property
    def epoch(self) -> str:
        return self.session.epoch

    def draft(self, role: Role, source: str | None = None) -> Session:
        return self.session.checkout(Turn(role, NOON + self.time, source=source))

    def keep(self, draft: Session) -> None:
        self.log += draft.commit()
        self.session = draft

    def act(self, asked: Members, key: str | None) -> Members:
        if key is not None and key in self.kept:
            return self.kept[key]
        draft = self.draft(Role.AGENT)
        outcomes = [self.write(draft, action) for action in asked["actions"]]
        applied = [outcome.key for outcome in outcomes if outcome.status == "applied"]
        rejected = [outcome.key for outcome in outcomes if outcome.status == "rejected"]
        draft.notice("done", applied=len(applied), rejected=rejected, missing=[])
        self.keep(draft)
        results = [msgspec.to_builtins(outcome) for outcome in outcomes]
        reply = {"applied": applied, "rejected": rejected, "results": results, "cursor": str(draft.cursor)}
        if key is not None:
            self.kept[key] = reply
        return reply

    def write(self, draft: Session, action: Members) -> Written:
        return draft.write(action["key"], action["value"], if_rev=action.get("ifRev"))

    def edit(self, asked: Members, source: str | None = None) -> Members:
        draft = self.draft(Role.USER, source)
        key = asked["key"]
        outcome = draft.write(key, asked["value"]) if "value" in asked else draft.release(key)
        self.keep(draft)
        reply = {"key": key, "by": draft.whose(key), "seq": outcome.seq}
        return reply | ({} if source else {"cursor": str(draft.cursor)})

    def extend(self, asked: Members) -> Members:
        draft = self.draft(Role.USER)
        self.granted += asked["extraSeconds"]
        draft.notice("extended", expiresIn=self.left)
        self.keep(draft)
        return {"extended": asked["extraSeconds"], "expiresIn": self.left}

    def context(self) -> Members:
        return {
            "context": msgspec.to_builtins(self.session.context(Role.USER)),
            "cursor": str(self.session.cursor),
            "expiresIn": self.left,
        }

    def diff(self, asked: Members, role: Role) -> Members:
        since = place(asked["since"]).seq
        changes = [event for event in self.log if isinstance(event, Change) and event.seq > since]
        shown = [change_record(change, role, values=self.session.values) for change in changes]
        return {"changes": shown, "cursor": str(self.session.cursor), "truncated": False}

    @property
    def left(self) -> int:
        return LIFETIME + self.granted

    def frames(self) -> list[Members]:
        return [frame(event, Role.USER, epoch=self.epoch, values=self.session.values) for event in self.log]


class Simulation:
    """A run of some clients against a server, decided by `chance`."""

    def __init__(self, chance: random.Random, server: Server) -> None:
        self.chance = chance
        self.server = server
        self.history = History(server.session.session_id, server.epoch, 0.0, LIFETIME, server.context()["context"])
        self.history.watchers = [FrameQueue(f"watcher {number}", "user") for number in range(3)]
        self.free: dict[str, float] = {}
        """Client -> when it is done with what it did last."""
        self.connections = 0
        self.written = 0
        self.lost: list[Operation] = []
        """Requests under a key whose answer never came."""
        self.late: list[Callable[[], object]] = []
        """What the server has yet to do though the client has given up on it."""
        for watcher in self.history.watchers:
            self.connect(watcher, after=None)

    def run(self, steps: int = 60) -> History:
        for _ in range(steps):
            self.server.time += self.chance.random()
            self.step()
            self.server.answering = False
            while self.late and self.chance.random() < 0.5:
                self.late.pop()()
            self.server.answering = True
            for watcher in self.history.watchers:
                self.watch(watcher)
        for watcher in self.history.watchers:
            self.deliver(watcher, len(self.server.log))
        self.server.answering = False
        history = self.history
        history.log, history.final = self.server.frames(), self.server.context()
        history.settled = self.server.time + 10
        return history

    # Clients

    def step(self) -> None:
        kinds: dict[str, Callable[[str], object]] = {
            "agent": self.act,
            "person": self.edit,
            "page": self.type,
            "extender": self.extend,
            "intruder": self.intrude,
        }
        client = self.chance.choice([*kinds, *kinds, "reader", "poller"])
        name = f"{client} {self.chance.randrange(2)}"
        if self.free.get(name, -math.inf) < self.server.time:
            kinds.get(client, self.read)(name)

    def begin(self, client: str, kind: str, asked: Members, *, role: str, **marks: Any) -> Operation:
        """Begin an operation some time ago, as far as the client was free then."""
        earliest = max(self.free.get(client, 0.0), self.server.time - 2)
        start = self.chance.uniform(earliest, self.server.time)
        operation = Operation(client, kind, role, asked, start, **marks)
        self.history.operations.append(operation)
        return operation

    def answer(self, operation: Operation, reply: Members) -> None:
        """Answer some time later; the client has nothing else to do until then."""
        operation.end = self.server.time + self.chance.uniform(0, 2)
        operation.outcome, operation.status, operation.reply = Outcome.OK, 200, copy.deepcopy(reply)
        self.free[operation.client] = operation.end

    def lose(self, operation: Operation) -> None:
        """Let the answer get lost."""
        self.free[operation.client] = self.server.time + self.chance.uniform(0, 2)

    def act(self, client: str) -> None:
        ours = [operation for operation in self.lost if operation.client == client]
        if ours:
            self.lost.remove(ours[0])
            again = self.begin(client, "act", ours[0].asked, role="agent", key=ours[0].key)
            self.answer(again, self.server.act(again.asked, again.key))
            return
        actions = [self.action() for _ in range(self.chance.randint(1, 3))]
        self.written += 1
        key = f"key {self.written}" if self.chance.random() < 0.5 else None
        operation = self.begin(client, "act", {"actions": actions}, role="agent", key=key)
        fate = self.chance.random()
        if fate > 0.15:
            self.answer(operation, self.server.act(operation.asked, key))
            return
        if fate < 0.1:
            self.late.append(lambda: self.server.act(operation.asked, key))
        self.lose(operation)
        if key is not None:
            self.lost.append(operation)

    def action(self) -> Members:
        key = self.chance.choice(KEYS)
        action: Members = {"type": "set", "key": key, "value": self.value()}
        if self.chance.random() < 0.3:
            now = self.server.session.values.get(key)
            action["ifRev"] = self.chance.choice([now.rev if now else 0, 1])
        return action

    def value(self) -> str:
        self.written += 1
        return f"value {self.written}"

    def edit(self, client: str, **marks: Any) -> Operation:
        asked: Members = {"key": self.chance.choice(KEYS)}
        kind = "release" if self.chance.random() < 0.5 else "edit"
        if kind == "edit":
            asked["value"] = self.value()
        operation = self.begin(client, kind, asked, role="user", **marks)
        source = str(operation.connection) if operation.connection else None
        fate = self.chance.random()
        if fate > 0.15:
            self.answer(operation, self.server.edit(asked, source))
        else:
            if fate < 0.1:
                self.late.append(lambda: self.server.edit(asked, source))
            self.lose(operation)
        return operation

    def type(self, client: str) -> None:
        self.edit(client, connection=self.history.watchers[0].connections[-1].number)

    def intrude(self, client: str) -> None:
        """Write as somebody who may not, and be refused."""
        operation = self.begin(client, "edit", {"key": self.chance.choice(KEYS), "value": self.value()}, role="agent")
        self.refuse(operation, 403)

    def refuse(self, operation: Operation, status: int) -> None:
        operation.end = self.free[operation.client] = self.server.time
        operation.outcome, operation.status = Outcome.REFUSED, status

    def extend(self, client: str) -> None:
        operation = self.begin(client, "extend", {"extraSeconds": self.chance.randint(120, 300)}, role="user")
        self.answer(operation, self.server.extend(operation.asked))

    def read(self, client: str) -> None:
        if client.startswith("reader"):
            operation = self.begin(client, "context", {}, role="user")
            self.answer(operation, self.server.context())
            return
        role = self.chance.choice(list(Role))
        since = self.chance.randint(0, self.server.session.seq)
        operation = self.begin(client, "diff", {"since": f"{self.server.epoch}.{since}"}, role=role)
        self.answer(operation, self.server.diff(operation.asked, role))

    # Watchers

    def watch(self, watcher: FrameQueue) -> None:
        fate = self.chance.random()
        if fate < 0.1:
            self.connect(watcher, after=watcher.connections[-1].cursor)
        elif fate < 0.7:
            self.deliver(watcher, self.chance.randint(1, 10))

    def connect(self, watcher: FrameQueue, *, after: str | None) -> None:
        self.connections += 1
        connection = Connection(self.connections, "worker", after)
        recovered = after is not None and self.chance.random() < 0.7
        snapshot = None if recovered else self.server.context()
        cursor = snapshot["cursor"] if snapshot else after
        connected = {"type": "connected", "cursor": cursor, "recovered": recovered, "snapshot": snapshot}
        connection.frames.append(connected)
        watcher.connections.append(connection)

    def deliver(self, watcher: FrameQueue, count: int) -> None:
        """Show a watcher what comes next, its own edits left out."""
        connection = watcher.connections[-1]
        at = place(connection.cursor or "").seq
        for event in self.server.log[at : at + count]:
            if not (isinstance(event, Change) and event.source == str(connection.number)):
                shown = frame(event, Role.USER, epoch=self.server.epoch, values=self.server.session.values)
                connection.frames.append(shown)
