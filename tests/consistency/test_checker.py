"""The checker of histories finds nothing in what is right, and names what is wrong."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator

import msgspec
import pytest

from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.messages import Outcome as Written
from handshake_prompt.session import Session
from tests.support.checker import Broken, check
from tests.support.history import Connection, History, Members, Operation, Outcome, place
from tests.support.simulation import KEYS, LIFETIME, Server, Simulation

SEEDS = range(40)


def names(violations: list[str]) -> set[str]:
    """Return what a list of violations breaks."""
    return {violation.partition(":")[0] for violation in violations}


# Servers that keep their word


@pytest.mark.parametrize("first", range(0, 300, 50))
def test_a_right_history_passes(first: int) -> None:
    for seed in range(first, first + 50):
        history = Simulation(random.Random(seed), Server()).run()
        assert check(history) == [], f"seed {seed}"


def test_the_made_up_histories_have_everything_in_them() -> None:
    histories = [Simulation(random.Random(seed), Server()).run() for seed in SEEDS]
    operations = [operation for history in histories for operation in history.operations]
    outcomes = {(operation.kind, operation.outcome) for operation in operations}
    assert outcomes >= {(kind, Outcome.OK) for kind in ("act", "edit", "release", "extend", "context", "diff")}
    assert outcomes >= {(kind, Outcome.UNKNOWN) for kind in ("act", "edit", "release")}
    assert ("edit", Outcome.REFUSED) in outcomes
    results = [one for operation in operations for one in operation.reply.get("results", ())]
    assert {result.get("code") for result in results} == {None, "user_locked", "stale"}
    openings = [connection.frames[0] for history in histories for connection in connections(history)]
    assert {opening["recovered"] for opening in openings} == {True, False}


# Servers that do not


class Faulty(Server):
    """A server that misbehaves in some of the cases where it can; `erred` tells whether it has."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self.chance = chance
        self.erred = False

    def errs(self) -> bool:
        errs = self.answering and self.chance.random() < 0.2
        self.erred |= errs
        return errs

    def by(self, key: str) -> str:
        return self.session.values[key].by if key in self.session.values else "empty"

    def disown(self, draft: Session, key: str) -> None:
        """Make a value one that nobody has written, without a word of it in the log."""
        draft.values[key] = msgspec.structs.replace(draft.values[key], by="default")


class ForgetsBatches(Faulty):
    def act(self, asked: Members, key: str | None) -> Members:
        session, log = self.session, list(self.log)
        reply = super().act(asked, key)
        if self.session is not session and reply["applied"] and self.errs():
            self.session, self.log = session, log
        return reply


class ForgetsEdits(Faulty):
    def edit(self, asked: Members, source: str | None = None) -> Members:
        session, log = self.session, list(self.log)
        reply = super().edit(asked, source)
        if "value" in asked and self.errs():
            self.session, self.log = session, log
        return reply


class ForgetsReceipts(Faulty):
    def act(self, asked: Members, key: str | None) -> Members:
        if key is not None and (kept := self.kept.pop(key, None)) is not None:
            self.erred |= bool(kept["applied"])
        return super().act(asked, key)


class ActsTwice(Faulty):
    def act(self, asked: Members, key: str | None) -> Members:
        reply = super().act(asked, key)
        if reply["applied"] and self.errs():
            super().act(asked, None)
        return reply


class EditsTwice(Faulty):
    def edit(self, asked: Members, source: str | None = None) -> Members:
        reply = super().edit(asked, source)
        if "value" in asked and self.errs():
            super().edit(asked, source)
        return reply


class KeepsHalfOfABatch(Faulty):
    def act(self, asked: Members, key: str | None) -> Members:
        last = asked["actions"][-1]
        if (
            key not in self.kept
            and len(asked["actions"]) > 1
            and "ifRev" not in last
            and self.by(last["key"]) not in ("user", "user_edit")
        ):
            asked = {"actions": asked["actions"][:-1]} if self.errs() else asked
        return super().act(asked, key)


class LeavesABatchOpen(Faulty):
    def keep(self, draft: Session) -> None:
        turn = draft.turn
        assert turn is not None
        if len(turn.events) > 1 and self.errs():
            turn.events.pop()
            draft.seq -= 1
        super().keep(draft)


class WritesByItself(Faulty):
    def context(self) -> Members:
        if self.log and self.errs():
            super().edit({"key": self.chance.choice(KEYS), "value": f"nobody's {self.chance.random()}"})
        return super().context()


class OverwritesThePerson(Faulty):
    def write(self, draft: Session, action: Members) -> Written:
        now = draft.values.get(action["key"])
        locked = now is not None and now.by in ("user", "user_edit") and action.get("ifRev", now.rev) == now.rev
        if locked and self.errs():
            self.disown(draft, action["key"])
        return super().write(draft, action)


class ForgetsWhoseItWas(Faulty):
    def edit(self, asked: Members, source: str | None = None) -> Members:
        if "value" in asked and self.by(asked["key"]) in ("ai", "user_edit") and self.errs():
            draft = self.draft(Role.USER)
            self.disown(draft, asked["key"])
            self.keep(draft)
        return super().edit(asked, source)


class ReleasesWhatIsNot(Faulty):
    def edit(self, asked: Members, source: str | None = None) -> Members:
        if "value" not in asked and self.by(asked["key"]) == "ai" and self.errs():
            draft = self.draft(Role.USER, source)
            outcome = draft.write(asked["key"], draft.value(asked["key"]))
            assert draft.turn is not None
            draft.turn.events[-1] = msgspec.structs.replace(draft.turn.events[-1], by="default")
            self.disown(draft, asked["key"])
            self.keep(draft)
            return {"key": asked["key"], "by": "default", "seq": outcome.seq, "cursor": str(draft.cursor)}
        return super().edit(asked, source)


class IgnoresRevisions(Faulty):
    def write(self, draft: Session, action: Members) -> Written:
        now = draft.values.get(action["key"])
        if now is not None and now.by not in ("user", "user_edit") and action.get("ifRev", now.rev) != now.rev:
            action = {"key": action["key"], "value": action["value"]} if self.errs() else action
        return super().write(draft, action)


class ActsAsThePerson(Faulty):
    def draft(self, role: Role, source: str | None = None) -> Session:
        return super().draft(Role.USER if role is Role.AGENT and self.errs() else role, source)

    def act(self, asked: Members, key: str | None) -> Members:
        return super().act({"actions": [{**action, "ifRev": None} for action in asked["actions"]]}, key)


class EditsAsTheAgent(Faulty):
    def edit(self, asked: Members, source: str | None = None) -> Members:
        if "value" not in asked or self.by(asked["key"]) in ("user", "user_edit") or not self.errs():
            return super().edit(asked, source)
        draft = self.draft(Role.AGENT, source)
        outcome = draft.write(asked["key"], asked["value"])
        self.keep(draft)
        return {"key": asked["key"], "by": draft.whose(asked["key"]), "seq": outcome.seq, "cursor": str(draft.cursor)}


class SkipsANumber(Faulty):
    def draft(self, role: Role, source: str | None = None) -> Session:
        draft = super().draft(role, source)
        draft.seq += self.errs()
        return draft


class RepeatsANumber(Faulty):
    def draft(self, role: Role, source: str | None = None) -> Session:
        draft = super().draft(role, source)
        draft.seq -= draft.seq > 0 and self.errs()
        return draft


class ForgetsItsEpoch(Faulty):
    def keep(self, draft: Session) -> None:
        super().keep(draft)
        if self.errs():
            draft.epoch = "99999999"


class ExtendsTwice(Faulty):
    def extend(self, asked: Members) -> Members:
        reply = super().extend(asked)
        if self.errs():
            super().extend(asked)
        return reply


class ExtendsInSilence(Faulty):
    def extend(self, asked: Members) -> Members:
        if self.errs():
            self.granted += asked["extraSeconds"]
            return {"extended": asked["extraSeconds"], "expiresIn": self.left}
        return super().extend(asked)


class ForgetsExtensions(Faulty):
    def extend(self, asked: Members) -> Members:
        reply = super().extend(asked)
        if self.errs():
            self.granted -= asked["extraSeconds"]
        return reply


class AnswersAnew(Faulty):
    def act(self, asked: Members, key: str | None) -> Members:
        again = key in self.kept
        reply = super().act(asked, key)
        if not again:
            return reply
        self.erred |= self.answering
        return reply | {"rejected": [*reply["rejected"], "another"]}


class ShowsATornState(Faulty):
    def context(self) -> Members:
        reply = super().context()
        last = [event for event in self.log[-2:] if event.type == "action"]
        if last and self.errs():
            reply["cursor"] = f"{self.epoch}.{last[0].seq}"
        return reply


class ShowsAnOldValue(Faulty):
    def context(self) -> Members:
        reply = super().context()
        written = [record for record in reply["context"].values() if record["rev"]]
        if written and self.errs():
            record = self.chance.choice(written)
            record[self.chance.choice(["value", "by", "at", "rev"])] = "another"
        return reply


class LeavesOutOfADiff(Faulty):
    def diff(self, asked: Members, role: Role) -> Members:
        reply = super().diff(asked, role)
        if reply["changes"] and self.errs():
            reply["changes"].pop(self.chance.randrange(len(reply["changes"])))
        return reply


FAULTS: dict[type[Faulty], Broken] = {
    ForgetsBatches: Broken.LOST,
    ForgetsEdits: Broken.LOST,
    ForgetsReceipts: Broken.TWICE,
    ActsTwice: Broken.TWICE,
    EditsTwice: Broken.TWICE,
    KeepsHalfOfABatch: Broken.LOST,
    LeavesABatchOpen: Broken.TORN,
    WritesByItself: Broken.INVENTED,
    OverwritesThePerson: Broken.OWNERSHIP,
    ForgetsWhoseItWas: Broken.OWNERSHIP,
    ReleasesWhatIsNot: Broken.OWNERSHIP,
    IgnoresRevisions: Broken.STALE_WRITE,
    ActsAsThePerson: Broken.AUTHOR,
    EditsAsTheAgent: Broken.AUTHOR,
    SkipsANumber: Broken.NUMBERS,
    RepeatsANumber: Broken.NUMBERS,
    ForgetsItsEpoch: Broken.NUMBERS,
    ExtendsTwice: Broken.EXTENSION,
    ExtendsInSilence: Broken.EXTENSION,
    ForgetsExtensions: Broken.EXTENSION,
    AnswersAnew: Broken.REPLY,
    ShowsATornState: Broken.TORN,
    ShowsAnOldValue: Broken.FOLD,
    LeavesOutOfADiff: Broken.DIFF,
}
"""What a server does wrong -> what that breaks."""


@pytest.mark.parametrize("faulty", FAULTS, ids=lambda faulty: faulty.__name__)
def test_a_server_that_misbehaves_is_found_out(faulty: type[Faulty]) -> None:
    erred = 0
    for seed in SEEDS:
        chance = random.Random(seed)
        server = faulty(chance)
        history = Simulation(chance, server).run()
        if server.erred:
            erred += 1
            assert FAULTS[faulty] in names(check(history)), f"seed {seed}"
    assert erred > 3, "too seldom to tell"


# What goes wrong between a server and those it tells


Plant = Callable[[History, random.Random], bool]
"""Puts a violation into a right history; False if this one has no place for it."""


def connections(history: History) -> Iterator[Connection]:
    for watcher in history.watchers:
        yield from watcher.connections


def logged(connection: Connection) -> list[int]:
    """Return where among a connection's frames the logged ones are."""
    return [at for at, frame in enumerate(connection.frames) if "seq" in frame]


def pick(operations: list[Operation], chance: random.Random, *kinds: str) -> Operation | None:
    fitting = [one for one in operations if one.kind in kinds and one.outcome is Outcome.OK]
    return chance.choice(fitting) if fitting else None


def a_stream(history: History, chance: random.Random, *, least: int) -> Connection | None:
    fitting = [connection for connection in connections(history) if len(logged(connection)) >= least]
    return chance.choice(fitting) if fitting else None


def drop_a_frame(history: History, chance: random.Random) -> bool:
    connection = a_stream(history, chance, least=2)
    if connection is not None:
        connection.frames.pop(chance.choice(logged(connection)[:-1]))
    return connection is not None


def drop_the_last_frames(history: History, _: random.Random) -> bool:
    connection = history.watchers[1].connections[-1]
    if logged(connection):
        connection.frames.pop()
        return True
    return False


def repeat_a_frame(history: History, chance: random.Random) -> bool:
    connection = a_stream(history, chance, least=1)
    if connection is not None:
        at = chance.choice(logged(connection))
        connection.frames.insert(at, connection.frames[at])
    return connection is not None


def swap_frames(history: History, chance: random.Random) -> bool:
    connection = a_stream(history, chance, least=2)
    if connection is not None:
        at = chance.choice(logged(connection)[:-1])
        connection.frames[at : at + 2] = connection.frames[at : at + 2][::-1]
    return connection is not None


def alter_a_frame(history: History, chance: random.Random) -> bool:
    connection = a_stream(history, chance, least=1)
    if connection is not None:
        at = chance.choice(logged(connection))
        connection.frames[at] = connection.frames[at] | {chance.choice(["type", "at", "by"]): "another"}
    return connection is not None


def echo_an_edit(history: History, chance: random.Random) -> bool:
    last = history.watchers[0].connections[-1]
    seqs = [
        one.reply["seq"]
        for one in history.operations
        if one.connection == last.number and one.kind == "edit" and one.outcome is Outcome.OK
    ]
    if not seqs:
        return False
    seq = chance.choice(seqs)
    later = [at for at in logged(last) if last.frames[at]["seq"] > seq]
    last.frames.insert(later[0] if later else len(last.frames), history.log[seq - 1])
    return True


def resume_further_on(history: History, _: random.Random) -> bool:
    for watcher in history.watchers:
        for connection in watcher.connections:
            at = place(connection.frames[0]["cursor"]).seq
            if connection.frames[0]["recovered"] and at < len(history.log):
                connection.frames[0]["cursor"] = f"{history.epoch}.{at + 1}"
                if logged(connection):
                    connection.frames.pop(logged(connection)[0])
                return True
    return False


def resume_from_the_past(history: History, _: random.Random) -> bool:
    for connection in connections(history):
        if connection.asked and not connection.asked.endswith(".0") and not connection.frames[0]["recovered"]:
            connection.frames[0]["cursor"] = f"{history.epoch}.0"
            connection.frames[0]["snapshot"] |= {"cursor": f"{history.epoch}.0", "context": history.initial}
            return True
    return False


def show_another_snapshot(history: History, chance: random.Random) -> bool:
    snapshots = [one.frames[0]["snapshot"] for one in connections(history) if one.frames[0]["snapshot"]]
    chance.choice(snapshots)["context"]["a"] |= {"value": "another"}
    return True


def start_another_log(history: History, chance: random.Random) -> bool:
    chance.choice([*connections(history)]).frames[0]["cursor"] = "99999999.0"
    return True


def send_away(history: History, chance: random.Random) -> bool:
    chance.choice([*connections(history)]).code = 4404
    return True


def reorder(history: History, chance: random.Random) -> bool:
    """Let a write be over before one began that the log has ahead of it."""
    writes = [one for one in history.operations if one.kind in ("act", "edit") and one.outcome is Outcome.OK]
    writes = [one for one in writes if one.key is None]
    later = [one for one in writes if one.kind == "edit" and one.reply["seq"] > 20]
    earlier = [one for one in writes if one.kind == "act" and place(one.reply["cursor"]).seq < 15 and one.start > 1]
    if not later or not earlier:
        return False
    moved, after = chance.choice(later), chance.choice(earlier)
    moved.start, moved.end = after.start - 0.5, after.start - 0.1
    return True


def read_the_past(history: History, chance: random.Random) -> bool:
    """Answer a read with a state that was right before a write that had been acknowledged."""
    read = pick([one for one in history.operations if one.start > 25], chance, "context")
    if read is not None:
        read.reply = {"context": history.initial, "cursor": f"{history.epoch}.0", "expiresIn": 1}
    return read is not None


def cut_a_diff(history: History, _: random.Random) -> bool:
    diffs = [one for one in history.operations if one.kind == "diff" and one.reply["changes"]]
    for diff in diffs[:1]:
        diff.reply["truncated"] = True
    return bool(diffs)


def misreport_a_batch(history: History, chance: random.Random) -> bool:
    operation = pick(history.operations, chance, "act")
    if operation is not None:
        result = chance.choice(operation.reply["results"])
        member = chance.choice(["seq", "code", "status", "current", "key"])
        result[member] = "another"
    return operation is not None


def misreport_an_edit(history: History, chance: random.Random) -> bool:
    operation = pick(history.operations, chance, "edit")
    if operation is not None:
        operation.reply["by"] = "ai"
    return operation is not None


def promise_a_place_ahead(history: History, chance: random.Random) -> bool:
    operation = pick(history.operations, chance, "edit")
    if operation is not None:
        operation.reply["cursor"] = f"{history.epoch}.{operation.reply['seq'] - 1}"
    return operation is not None


def refuse_what_was_done(history: History, chance: random.Random) -> bool:
    operation = pick([one for one in history.operations if one.key is None], chance, "act", "edit")
    if operation is None or (operation.kind == "act" and not operation.reply["applied"]):
        return False
    operation.outcome, operation.status, operation.reply = Outcome.REFUSED, 409, {}
    return True


def know_nobody_who_did_it(history: History, chance: random.Random) -> bool:
    operation = pick([one for one in history.operations if one.key is None], chance, "act", "edit")
    if operation is not None:
        history.operations.remove(operation)
    return operation is not None


def forget_the_session(history: History, chance: random.Random) -> bool:
    operation = pick(history.operations, chance, "context", "diff", "extend")
    if operation is not None:
        operation.outcome, operation.status = Outcome.REFUSED, 404
    return operation is not None


def let_an_agent_edit(history: History, _: random.Random) -> bool:
    refused = [one for one in history.operations if one.outcome is Outcome.REFUSED]
    for operation in refused[:1]:
        operation.outcome, operation.reply = Outcome.OK, {"seq": 1, "by": "user"}
    return bool(refused)


def lose_the_end_of_the_log(history: History, _: random.Random) -> bool:
    return bool(history.log.pop())


def stop_the_clock(history: History, _: random.Random) -> bool:
    history.log[-1]["at"] = history.log[-2]["at"]
    return True


def add_a_field(history: History, _: random.Random) -> bool:
    history.final["context"]["e"] = {"value": 1, "by": "ai", "at": "", "rev": 1}
    return True


PLANTS: dict[str, tuple[Plant, Broken]] = {
    "a watcher is not shown an event": (drop_a_frame, Broken.WATCHER),
    "a watcher is not shown the end": (drop_the_last_frames, Broken.WATCHER),
    "a watcher is shown an event twice": (repeat_a_frame, Broken.WATCHER),
    "a watcher is shown events in another order": (swap_frames, Broken.WATCHER),
    "a watcher is shown what the log has not": (alter_a_frame, Broken.WATCHER),
    "a page is shown its own edit": (echo_an_edit, Broken.WATCHER),
    "a resume leaves a gap": (resume_further_on, Broken.WATCHER),
    "a resume shows what was before": (resume_from_the_past, Broken.WATCHER),
    "a snapshot is of another state": (show_another_snapshot, Broken.FOLD),
    "a watcher is connected to another log": (start_another_log, Broken.WATCHER),
    "a watcher is sent away for good": (send_away, Broken.WATCHER),
    "a later write is ordered first": (reorder, Broken.ORDER),
    "a read does not show what was acknowledged": (read_the_past, Broken.STALE_READ),
    "a diff claims that the log was cut": (cut_a_diff, Broken.DIFF),
    "a batch is reported as it was not": (misreport_a_batch, Broken.REPLY),
    "an edit is reported as it was not": (misreport_an_edit, Broken.REPLY),
    "an edit is answered with a cursor before it": (promise_a_place_ahead, Broken.REPLY),
    "what was refused was done": (refuse_what_was_done, Broken.REFUSED),
    "what nobody asked for was done": (know_nobody_who_did_it, Broken.INVENTED),
    "a live session is unknown": (forget_the_session, Broken.FORGOTTEN),
    "an agent is let edit": (let_an_agent_edit, Broken.AUTHOR),
    "the log ends too soon": (lose_the_end_of_the_log, Broken.FOLD),
    "time stands still": (stop_the_clock, Broken.NUMBERS),
    "the context has a field too many": (add_a_field, Broken.FOLD),
}


@pytest.mark.parametrize("case", PLANTS)
def test_a_planted_violation_is_found_and_named(case: str) -> None:
    plant, broken = PLANTS[case]
    planted = 0
    for seed in SEEDS:
        chance = random.Random(seed)
        history = copy.deepcopy(Simulation(chance, Server()).run())
        if plant(history, chance):
            planted += 1
            assert broken in names(check(history)), f"seed {seed}"
    assert planted > 3, "too seldom to tell"


# By hand


class Script:
    """A history made step by step: what the server did, and what a client was told when."""

    def __init__(self) -> None:
        self.server = Server()
        start = self.server.context()
        self.before = start
        self.history = History("5" * 32, self.server.epoch, 0.0, LIFETIME, start["context"], settled=1.0)

    def told(self, client: str, kind: str, asked: Members, *, at: tuple[float, float], reply: Members) -> Operation:
        operation = Operation(client, kind, "user", asked, *at, Outcome.OK, 200, reply)
        self.history.operations.append(operation)
        return operation

    def judged(self) -> set[str]:
        self.history.log, self.history.final = self.server.frames(), self.server.context()
        return names(check(self.history))


MINE = {"key": "a", "value": "mine"}


@pytest.mark.parametrize(
    ("outcome", "times", "broken"),
    [
        (Outcome.OK, 0, {Broken.LOST}),
        (Outcome.OK, 1, set()),
        (Outcome.OK, 2, {Broken.TWICE}),
        (Outcome.UNKNOWN, 0, set()),
        (Outcome.UNKNOWN, 1, set()),
        (Outcome.UNKNOWN, 2, {Broken.TWICE}),
        (Outcome.REFUSED, 0, set()),
        (Outcome.REFUSED, 1, {Broken.REFUSED}),
    ],
)
def test_what_was_acknowledged_is_there_once_and_what_is_unknown_at_most_once(
    outcome: Outcome, times: int, broken: set[str]
) -> None:
    script = Script()
    replies = [script.server.edit(MINE) for _ in range(times)]
    reply = replies[0] if replies else {"key": "a", "by": "user", "seq": 1}
    operation = script.told("person", "edit", MINE, at=(1, 2), reply=reply)
    operation.outcome = outcome
    assert script.judged() == broken


@pytest.mark.parametrize(
    ("other", "broken"), [("reader", {Broken.BACKWARDS}), ("another reader", set())], ids=["same client", "another"]
)
def test_only_the_reads_of_one_client_have_to_go_forward_while_a_write_is_under_way(
    other: str, broken: set[str]
) -> None:
    script = Script()
    script.told("person", "edit", MINE, at=(1, 9), reply=script.server.edit(MINE))
    script.told("reader", "context", {}, at=(2, 3), reply=script.server.context())
    script.told(other, "context", {}, at=(4, 5), reply=script.before)
    assert script.judged() == broken


@pytest.mark.parametrize(
    ("span", "broken"),
    [((1, 2), set()), ((3, 9), set()), ((5, 6), {Broken.ORDER}), ((0.1, 0.2), {Broken.ORDER})],
    ids=["in its place", "overlapping", "after what came later", "before what came first"],
)
def test_an_extension_is_ordered_by_what_was_written_around_it(span: tuple[float, float], broken: set[str]) -> None:
    script = Script()
    first, second = {"key": "a", "value": 1}, {"key": "a", "value": 2}
    script.told("person", "edit", first, at=(0.5, 0.9), reply=script.server.edit(first))
    script.told("extender", "extend", {"extraSeconds": 60}, at=span, reply=script.server.extend({"extraSeconds": 60}))
    script.told("person", "edit", second, at=(3, 4), reply=script.server.edit(second))
    assert script.judged() == broken


def test_attempts_under_one_key_are_one_request() -> None:
    script = Script()
    asked = {"actions": [{"type": "set", "key": "a", "value": "once"}]}
    for number in range(3):
        operation = script.told("agent", "act", asked, at=(number, number + 0.5), reply=script.server.act(asked, "k"))
        operation.role, operation.key = "agent", "k"
    assert script.judged() == set()
    script.history.operations[1].key = None
    assert Broken.LOST in script.judged()
