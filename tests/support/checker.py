"""Judges one session's history: whether what every client was told can all be true at once.

The server states its own order (`seq`), so nothing has to be searched for: the log is replayed once through the
ownership table, and each reply, read and watcher's stream is held against it at its place. What has an unknown outcome
may be in the log once, or not at all. Written values have to be unique: they tell whose write an event is.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate, pairwise
from typing import Any

from tests.support.history import READS, Connection, FrameQueue, History, Members, Operation, Outcome, place
from tests.support.ownership import EDITED, LOCKED, Table


class Broken(StrEnum):
    """What a violation breaks; each one reported begins with its name."""

    LOST = "acknowledged write lost"
    TWICE = "applied twice"
    INVENTED = "nobody asked for it"
    AUTHOR = "wrong author"
    TORN = "batch torn"
    NUMBERS = "I2 numbering"
    ORDER = "I3 order"
    OWNERSHIP = "I1 ownership"
    STALE_WRITE = "stale write applied"
    FOLD = "I4 folding the log"
    REPLY = "reply contradicts the log"
    BACKWARDS = "read went backwards"
    STALE_READ = "read missed an acknowledged write"
    DIFF = "diff contradicts the log"
    WATCHER = "I5 watcher"
    REFUSED = "a refusal had an effect"
    EXTENSION = "extension lost or doubled"
    FORGOTTEN = "session forgotten"


MAY = {"act": "agent", "edit": "user", "release": "user"}
"""The only role that may do something; what is not named both may."""
SLACK = 1.5
"""Seconds that two lifetimes may differ by for being rounded, and for not being measured at the same moment."""


@dataclass(eq=False)
class Request:
    """What a client wanted, however often it had to ask: attempts under one idempotency key are one request."""

    attempts: list[Operation]
    first: int = 0
    """Its first event in the log; 0 as long as it is not found there."""
    placed: int = 0
    """Its last one."""
    by: str = ""
    """For an edit or a release, whose the value was after it."""

    @property
    def asked(self) -> Members:
        return self.attempts[0].asked

    @property
    def kind(self) -> str:
        return self.attempts[0].kind

    @property
    def start(self) -> float:
        return self.attempts[0].start

    @property
    def answers(self) -> list[Operation]:
        return [attempt for attempt in self.attempts if attempt.outcome is Outcome.OK]

    @property
    def end(self) -> float:
        """When an answer came; it may have happened at any time until then."""
        return min((attempt.end for attempt in self.answers), default=math.inf)

    @property
    def reply(self) -> Members:
        return self.answers[0].reply

    @property
    def outcome(self) -> Outcome:
        outcomes = {attempt.outcome for attempt in self.attempts}
        return next(outcome for outcome in (Outcome.OK, Outcome.UNKNOWN, Outcome.REFUSED) if outcome in outcomes)

    @property
    def marks(self) -> list[tuple[str, Any]]:
        """What an event of it is recognised by."""
        if self.kind == "act":
            return [_mark(action) for action in self.asked["actions"]]
        return [_mark(self.asked)] if self.kind == "edit" else []

    def claims(self, seq: int) -> bool:
        """Whether it was answered with this place in the log."""
        return any(answer.reply.get("seq") == seq for answer in self.answers)

    def __str__(self) -> str:
        return f"{self.attempts[0].client}'s {self.kind} {self.asked}"


def check(history: History) -> list[str]:
    """Return every violation found in a history, in words that begin with the name of what is broken."""
    return _Check(history).run()


class _Check:
    def __init__(self, history: History) -> None:
        self.history = history
        self.log = history.log
        self.events = {event["seq"]: event for event in history.log}
        self.logged = {_mark(event) for event in history.log if "key" in event}
        self.violations: list[str] = []
        self.table = Table(history.initial)
        self.versions: dict[str, list[tuple[int, str]]] = {
            key: [(record["rev"], record["by"])] for key, record in history.initial.items()
        }
        """key -> the revisions its value had, in order, with their authors."""
        self.changes: list[Members] = []
        """As `diff` shows them to the person."""
        self.requests = _requests(history.operations)
        self.writers = {mark: request for request in self.requests for mark in request.marks}
        self.batches = {
            place(answer.reply["cursor"]).seq: request
            for request in self.requests
            for answer in request.answers
            if request.kind == "act"
        }
        """seq of a `done` -> the request that was told of it."""
        self.unknown = [request for request in self.requests if request.outcome is Outcome.UNKNOWN]
        self.releases = [request for request in self.requests if request.kind == "release"]
        self.written = _Floor(self._told())
        """What was known by answers to writes."""
        self.known = _Floor([*self._told(), *self._read()])
        """What was known by answers to anything."""
        self.edits: dict[int, Request] = {}
        """seq of an `edit` -> the request found to have made it."""
        self.shown: dict[int, list[tuple[str, Members]]] = defaultdict(list)
        """seq -> the contexts that somebody was shown as of then."""

    def run(self) -> list[str]:
        self._numbering()
        self._views()
        self._replay()
        self._answers()
        self._order()
        self._reads()
        self._extensions()
        for watcher in self.history.watchers:
            self._watcher(watcher)
        return self.violations

    def _break(self, broken: Broken, what: object) -> None:
        self.violations.append(f"{broken}: {what}")

    # The log on its own

    def _numbering(self) -> None:
        for expected, event in enumerate(self.log, 1):
            if event["seq"] != expected:
                self._break(Broken.NUMBERS, f"at {expected} the log has {event}")
                break
        for event in self.log:
            if event["cursor"] != f"{self.history.epoch}.{event['seq']}":
                self._break(Broken.NUMBERS, f"{event} is not of epoch {self.history.epoch}")
        for one, other in pairwise(self.log):
            if not one["at"] < other["at"]:
                self._break(Broken.NUMBERS, f"time went back from {one} to {other}")

    # The log through the model

    def _views(self) -> None:
        """Gather what anybody was shown of the whole context, by the place it claims to be of."""
        for request in self.requests:
            for answer in request.answers:
                if "context" in answer.reply:
                    self._view(str(request), answer.reply)
        for watcher in self.history.watchers:
            for connection in watcher.connections:
                snapshot = connection.frames[0]["snapshot"] if connection.admitted else None
                if snapshot is not None:
                    self._view(f"the snapshot of {watcher.name}", snapshot)
        if place(self.history.final["cursor"]).seq != len(self.log):
            self._break(Broken.FOLD, f"the context is of {self.history.final['cursor']}, the log has {len(self.log)}")
        self._view("the final context", self.history.final)

    def _view(self, who: str, reply: Members) -> None:
        epoch, seq = place(reply["cursor"])
        event = self.events.get(seq)
        if epoch != self.history.epoch or (seq and event is None):
            self._break(Broken.FOLD, f"{who} is of {reply['cursor']}, which is no place in the log")
        elif event is not None and event["type"] == "action":
            self._break(Broken.TORN, f"{who} is of {reply['cursor']}, in the middle of a batch")
        self.shown[seq].append((who, reply["context"]))

    def _compare(self, seq: int) -> None:
        for who, context in self.shown.get(seq, ()):
            if context != self.table.records:
                self._break(Broken.FOLD, f"{who} at {seq} is {context}, the log gives {self.table.records}")

    def _replay(self) -> None:
        self._compare(0)
        at = 0
        while at < len(self.log):
            length = 1
            if self.log[at]["type"] in ("action", "done"):
                length = self._batch(at)
            elif self.log[at]["type"] == "edit":
                self._edit(self.log[at])
            at += length
            self._compare(self.log[at - 1]["seq"])

    def _take(self, event: Members) -> None:
        change = {"key": event["key"], "to": event["value"], "by": event["by"], "at": event["at"], "seq": event["seq"]}
        self.changes.append(change | {"from": self.table.value(event["key"])})
        self.table.put(event)
        self.versions.setdefault(event["key"], [(0, "empty")]).append((event["seq"], event["by"]))

    def _batch(self, at: int) -> int:
        """Replay one batch from its first event on; return how many events it has."""
        length = 0
        while at + length < len(self.log) and self.log[at + length]["type"] == "action":
            length += 1
        changes = self.log[at : at + length]
        done = self.log[at + length] if at + length < len(self.log) else {**changes[-1], "type": "nothing"}
        if done["type"] != "done":
            self._break(Broken.TORN, f"where the batch from {at + 1} on should be done is {done}")
        request = self._requester(changes, done)
        if request is None:
            self._break(Broken.INVENTED, changes or done)
        elif request.kind != "act":
            self._break(Broken.AUTHOR, f"{request} was logged as {changes}")
        elif request.placed:
            self._break(Broken.TWICE, f"{request} at {request.placed} and again in {changes or done}")
        else:
            self._play(request, changes, done)
            changes = []
        for change in changes:
            self._take(change)
        return length + 1 if done["type"] == "done" else length

    def _requester(self, changes: Sequence[Members], done: Members) -> Request | None:
        """Return the request that a batch in the log is of; one of which nothing was applied is told by its answer."""
        if changes:
            return self.writers.get(_mark(changes[0]))
        if (request := self.batches.get(done["seq"])) is not None:
            return request
        silent = (one for one in self.unknown if one.kind == "act" and self._may_be_at(one, done["seq"]))
        return next((one for one in silent if self._refused_whole(one) == done["rejected"]), None)

    def _may_be_at(self, request: Request, seq: int) -> bool:
        """Whether a request was not known to come later, and is not found elsewhere."""
        return not request.placed and self.known.before(request.start) < seq

    def _refused_whole(self, request: Request) -> list[str] | None:
        actions = request.asked["actions"]
        refused = all(self.table.refusal(action) for action in actions)
        return [action["key"] for action in actions] if refused and self.logged.isdisjoint(request.marks) else None

    def _play(self, request: Request, changes: Sequence[Members], done: Members) -> None:
        """Play a request's actions on the table, beside what the log says became of them."""
        logged = {_mark(change): change for change in changes}
        request.first, request.placed = (changes[0] if changes else done)["seq"], done["seq"]
        results: list[Members] = []
        for action in request.asked["actions"]:
            code, change = self.table.refusal(action), logged.pop(_mark(action), None)
            if change is not None:
                self._applied(change, code)
                results.append({"key": change["key"], "status": "applied", "seq": change["seq"]})
                continue
            if code is None:
                told = Broken.LOST if request.answers else Broken.TORN
                self._break(told, f"{action} is missing from the batch at {request.placed}")
            results.append(self.table.rejected(action, code or ""))
        for change in logged.values():
            self._break(Broken.TORN, f"{change} stands in the batch of {request}")
        self._compare_answers(request, results, done)

    def _applied(self, change: Members, code: str | None) -> None:
        if code is not None:
            self._break(Broken.STALE_WRITE if code == "stale" else Broken.OWNERSHIP, change)
        if change["by"] != "ai":
            self._break(Broken.AUTHOR, f"{change} was written by an agent")
        self._take(change)

    def _compare_answers(self, request: Request, results: Sequence[Members], done: Members) -> None:
        applied = [result["key"] for result in results if result["status"] == "applied"]
        rejected = [result["key"] for result in results if result["status"] == "rejected"]
        if done["type"] == "done" and (done["applied"], done["rejected"]) != (len(applied), rejected):
            self._break(Broken.REPLY, f"{done} closes a batch with {applied} applied and {rejected} rejected")
        for answer in request.answers:
            told = [{name: value for name, value in one.items() if name != "msg"} for one in answer.reply["results"]]
            if told != results:
                self._break(Broken.REPLY, f"{request} was told {told}, the log gives {results}")
            if (answer.reply["applied"], answer.reply["rejected"]) != (applied, rejected):
                self._break(Broken.REPLY, f"{request} was told {answer.reply}, the log gives {results}")
            if place(answer.reply["cursor"]) != (self.history.epoch, request.placed):
                self._break(Broken.REPLY, f"{request} was told {answer.reply['cursor']}, it is at {request.placed}")

    def _edit(self, event: Members) -> None:
        key, now = event["key"], self.table.by(event["key"])
        if event["by"] == "default":
            request = self._releaser(event)
            if now not in LOCKED or event["value"] != self.table.value(key):
                self._break(Broken.OWNERSHIP, f"{event} releases {self.table.records.get(key)}")
        else:
            request = self.writers.get(_mark(event))
            if event["by"] != EDITED[now]:
                self._break(Broken.OWNERSHIP, f"{event} makes it {event['by']} where it was {now}")
        if request is None:
            self._break(Broken.INVENTED, event)
        elif request.kind == "act":
            self._break(Broken.AUTHOR, f"{request} was logged as {event}")
        elif request.placed:
            self._break(Broken.TWICE, f"{request} at {request.placed} and again in {event}")
        else:
            request.first = request.placed = event["seq"]
            request.by = event["by"]
            self.edits[event["seq"]] = request
        self._take(event)

    def _releaser(self, event: Members) -> Request | None:
        """Return the request that released a field: the earliest of those that may have.

        Several may be told of one release, since who finds nothing to release is told of the value as it is.
        """
        possible = [one for one in self.releases if one.asked["key"] == event["key"]]
        possible = [one for one in possible if self._may_be_at(one, event["seq"])]
        told = (one for one in possible if one.claims(event["seq"]))
        silent = (one for one in possible if one.outcome is Outcome.UNKNOWN)
        return next(told, None) or next(silent, None)

    # What clients were told

    def _answers(self) -> None:
        for request in self.requests:
            for attempt in request.attempts:
                self._permitted(request, attempt)
            for one, other in pairwise(request.answers):
                if one.reply != other.reply:
                    self._break(Broken.REPLY, f"{request} was told {one.reply} and then {other.reply}")
            if request.outcome is Outcome.REFUSED and request.placed:
                self._break(Broken.REFUSED, f"{request} stands at {request.placed}")
            elif request.outcome is Outcome.OK and request.kind in ("edit", "release"):
                self._edited(request)
            elif request.outcome is Outcome.OK and request.kind == "act" and not request.placed:
                self._break(Broken.LOST, f"{request} was told {request.reply}")

    def _permitted(self, request: Request, attempt: Operation) -> None:
        """Check that nobody was let do what they may not, and nobody was told that the session or its key is none."""
        permitted = MAY.get(attempt.kind, attempt.role) == attempt.role
        if not permitted and attempt.outcome is Outcome.OK:
            self._break(Broken.AUTHOR, f"{request} was granted to {attempt.role}")
        if permitted and attempt.status in (403, 404):
            self._break(Broken.FORGOTTEN, f"{request} was told {attempt.reply}")

    def _edited(self, request: Request) -> None:
        """Check the answer to an edit or a release; a release that changed nothing is answered as a read is."""
        key, reply = request.asked["key"], request.reply
        told = (reply["seq"], reply["by"])
        if request.placed and told != (request.placed, request.by):
            self._break(Broken.REPLY, f"{request} was told {reply}, it is at {request.placed}")
        elif not request.placed and (request.kind == "edit" or told not in self.versions.get(key, [(0, "empty")])):
            self._break(Broken.LOST, f"{request} was told {reply}")
        if "cursor" in reply and place(reply["cursor"]) < (self.history.epoch, reply["seq"]):
            self._break(Broken.REPLY, f"{request} was told {reply}")

    # Real time

    def _order(self) -> None:
        """Check that what began after an answer is ordered after what the answer told of (I3)."""
        for request in self.requests:
            if request.placed and request.first <= (known := self.known.before(request.start)):
                self._break(Broken.ORDER, f"{request} is at {request.first}, and {known} was known before it began")

    def _told(self) -> Iterator[tuple[float, int]]:
        """Yield when each write was acknowledged, and with which place."""
        for request in self.requests:
            for answer in request.answers[:1]:
                if request.kind == "act":
                    yield answer.end, place(answer.reply["cursor"]).seq
                elif request.kind in ("edit", "release"):
                    yield answer.end, answer.reply["seq"]

    def _read(self) -> Iterator[tuple[float, int]]:
        return ((one.end, place(one.reply["cursor"]).seq) for one in self._successful_reads())

    def _successful_reads(self) -> list[Operation]:
        return [one for one in self.history.operations if one.kind in READS and one.outcome is Outcome.OK]

    def _reads(self) -> None:
        seqs = [change["seq"] for change in self.changes]
        seen: dict[str, int] = defaultdict(int)
        for read in sorted(self._successful_reads(), key=lambda one: one.start):
            seq = place(read.reply["cursor"]).seq
            if seq < (known := self.written.before(read.start)):
                self._break(Broken.STALE_READ, f"{read.client} read {seq}, and {known} was acknowledged before")
            if seq < seen[read.client]:
                self._break(Broken.BACKWARDS, f"{read.client} read {seq} after {seen[read.client]}")
            seen[read.client] = max(seq, seen[read.client])
            if read.kind == "diff":
                self._diff(read, seqs)
        for request in self.releases:
            if request.answers and not request.placed:
                self._nothing_released(request, self.written.before(request.start))

    def _diff(self, read: Operation, seqs: Sequence[int]) -> None:
        since, (epoch, until) = place(read.asked["since"]).seq, place(read.reply["cursor"])
        expected: Sequence[Members] = self.changes[bisect_right(seqs, since) : bisect_right(seqs, until)]
        if read.role == "agent":
            expected = [change if change["by"] == "ai" else _without_from(change) for change in expected]
        if read.reply["truncated"] or read.reply["changes"] != expected or epoch != self.history.epoch:
            self._break(Broken.DIFF, f"{read.client} was told {read.reply}, the log gives {expected}")
        if until in self.events and self.events[until]["type"] == "action":
            self._break(Broken.TORN, f"{read.client} read {read.reply['cursor']}, in the middle of a batch")

    def _nothing_released(self, request: Request, known: int) -> None:
        """Check that a release which changed nothing found a value that may still have been there."""
        later = [rev for rev, _ in self.versions.get(request.asked["key"], ()) if rev > request.reply["seq"]]
        if later and later[0] <= known:
            self._break(Broken.STALE_READ, f"{request} was told {request.reply}, and {known} was acknowledged before")

    # Lifetimes

    def _extensions(self) -> None:
        extensions = [request for request in self.requests if request.kind == "extend"]
        certain = [request for request in extensions if request.outcome is Outcome.OK]
        possible = [request for request in extensions if request.outcome is not Outcome.REFUSED]
        logged = [event["seq"] for event in self.log if event["type"] == "extended"]
        if not len(certain) <= len(logged) <= len(possible):
            self._break(
                Broken.EXTENSION,
                f"{len(certain)} were acknowledged, {len(possible)} may have been made, the log has {len(logged)}",
            )
        self._lifetime(certain, possible)
        ceiling = _Ceiling(one for one in self.requests if one.placed and one.kind != "release")
        for request in certain:
            before, after = self.written.before(request.start), ceiling.after(request.end)
            if bisect_right(logged, before) == bisect_left(logged, after):
                self._break(Broken.ORDER, f"{request} has to be between {before} and {after}, and is not")

    def _lifetime(self, certain: Sequence[Request], possible: Sequence[Request]) -> None:
        """Check that the session has the time it was given, no more and no less."""
        elapsed = self.history.settled - self.history.opened
        gained = self.history.final["expiresIn"] - self.history.lifetime
        least = sum(request.reply["extended"] for request in certain) - elapsed
        most = sum(request.asked["extraSeconds"] for request in possible)
        if not least - SLACK <= gained <= most + SLACK:
            self._break(Broken.EXTENSION, f"{gained} s were added, and it has to be {least:.1f} to {most:.1f} s")

    # Watchers

    def _watcher(self, watcher: FrameQueue) -> None:
        seen = 0
        for connection in watcher.connections:
            if connection.code in range(4400, 4500):
                self._break(Broken.WATCHER, f"{watcher.name} was sent away for good with {connection.code}")
            if connection.admitted:
                seen = self._stream(watcher.name, connection, seen)
        if watcher.connections:
            self._left_out(watcher.name, watcher.connections[-1], seen + 1, len(self.log) + 1)

    def _stream(self, name: str, connection: Connection, seen: int) -> int:
        """Check one connection of a watcher that had got to `seen`; return where it is then."""
        opening = connection.frames[0]
        epoch, at = place(opening["cursor"])
        if epoch != self.history.epoch:
            self._break(Broken.WATCHER, f"{name} was connected to epoch {epoch}")
        if opening["recovered"] and opening["cursor"] != connection.asked:
            self._break(Broken.WATCHER, f"{name} asked for {connection.asked} and resumes from {opening['cursor']}")
        if at < seen or (opening["recovered"] and at != seen):
            self._break(Broken.WATCHER, f"{name} had seen {seen} and goes on from {at}")
        for shown in connection.frames[1:]:
            if "cursor" not in shown:
                continue
            self._left_out(name, connection, at + 1, shown["seq"])
            if shown["seq"] <= at:
                self._break(Broken.WATCHER, f"{name} was shown {shown['seq']} after {at}")
            if shown != self.events.get(shown["seq"]):
                self._break(Broken.WATCHER, f"{name} was shown {shown}, the log has {self.events.get(shown['seq'])}")
            elif shown["type"] == "edit" and shown["by"] != "default" and self._own(connection, shown):
                self._break(Broken.WATCHER, f"{name} was shown its own {shown}")
            at = max(at, shown["seq"])
        return at

    def _left_out(self, name: str, connection: Connection, first: int, end: int) -> None:
        """Check that what a stream leaves out are edits that came from it."""
        events = [self.events[seq] for seq in range(first, end) if seq in self.events]
        missed = [event for event in events if not self._own(connection, event)]
        if missed:
            self._break(Broken.WATCHER, f"{name} was not shown {len(missed)} events, the first {missed[0]}")

    def _own(self, connection: Connection, event: Members) -> bool:
        """Whether an event may have come from a connection."""
        if event["type"] != "edit":
            return False
        requests: Iterable[Request] = (one for one in (self.edits.get(event["seq"]),) if one is not None)
        if event["by"] == "default":  # which of several that released one field it was cannot be told for sure
            requests = (one for one in self.releases if one.asked["key"] == event["key"])
            requests = (one for one in requests if one.claims(event["seq"]) or one.outcome is Outcome.UNKNOWN)
        return any(attempt.connection == connection.number for one in requests for attempt in one.attempts)


class _Floor:
    """The highest place in the log that was known before a moment."""

    def __init__(self, known: Iterable[tuple[float, int]]) -> None:
        ordered = sorted(known)
        self._moments = [moment for moment, _ in ordered]
        self._highest = list(accumulate((seq for _, seq in ordered), max))

    def before(self, moment: float) -> int:
        count = bisect_left(self._moments, moment)
        return self._highest[count - 1] if count else 0


class _Ceiling:
    """The lowest place in the log of what began after a moment."""

    def __init__(self, requests: Iterable[Request]) -> None:
        ordered = sorted((-request.start, request.first) for request in requests)
        self._moments = [moment for moment, _ in ordered]
        self._lowest = list(accumulate((seq for _, seq in ordered), min))

    def after(self, moment: float) -> float:
        count = bisect_left(self._moments, -moment)
        return self._lowest[count - 1] if count else math.inf


def _requests(operations: Iterable[Operation]) -> list[Request]:
    """Return what was wanted, in the order it was first asked for."""
    requests: dict[object, Request] = {}
    for operation in sorted(operations, key=lambda one: one.start):
        requests.setdefault(operation.key or id(operation), Request([])).attempts.append(operation)
    return list(requests.values())


def _mark(write: Mapping[str, Any]) -> tuple[str, Any]:
    return write["key"], write.get("value")


def _without_from(change: Members) -> Members:
    return {name: value for name, value in change.items() if name != "from"}
