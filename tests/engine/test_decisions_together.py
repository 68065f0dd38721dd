"""Decisions of two pages at two workers while agents, edits and the host's own code change the session meanwhile.

A digest stands for one state. What the host is handed is the state that some page showed under the digest submitted,
once; an answer reaches the request that it names and no other; and an answer that is repeated changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from typing import Any

from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from msgspec.structs import replace

from handshake_prompt import FieldErrors, HandshakeError, ProtocolEngine, Reject, Role, Session, SubmittedForm
from handshake_prompt.modes import DEFAULT_HANDLERS, FormFillHandler
from handshake_prompt.protocol.messages import Outcome
from tests.support.pairing import Pair, Viewer, workers
from tests.support.virtual_time import VirtualTimeLoop

FORM = {
    "mode": "tidy",
    "schema": [
        {"key": "name"},
        {"key": "note"},
        {"key": "count", "type": "integer", "readOnly": True, "computed": True},
    ],
    "context": {"name": "Ada"},
    "defaults": {"note": ""},
}
QUESTION = {"text": "Which?", "fields": [{"key": "which", "type": "integer"}]}
FATES: list[Any] = [None, FieldErrors({"name": "Odd"}), Reject("Closed")]
Held = dict[str, tuple[Any, str]]


class Tidy(FormFillHandler):
    """A mode of a host's that changes what is written, and writes another field with it."""

    def set_value(self, session: Session, key: str, value: Any, *, if_rev: int | None = None) -> Outcome:
        tidy = value.strip() if isinstance(value, str) else value
        outcome = super().set_value(session, key, tidy, if_rev=if_rev)
        if outcome.status == "applied":
            session.write("count", len(str(tidy)))
        return outcome


class Host:
    """A host's code on one session: it writes from within its hooks, and notes what it is handed."""

    def __init__(self) -> None:
        self.pairs: list[Pair] = []
        self.handed: list[tuple[str, Held]] = []
        self.fate: Any = None

    def serve(self, engine: ProtocolEngine) -> None:
        engine.on_action(self.judge)
        engine.on_done(self.follow)
        engine.on_submit(self.take)

    async def judge(self, _: Session, action: Any, __: object) -> bool:
        if action.value == "meddle":
            await self.pairs[0].edit("note", "by the host")
        return bool(action.value != "veto")

    async def follow(self, _: Session, applied: Any, *__: object) -> None:
        if "note" in applied:
            await self.pairs[1].act({"name": "after all"})

    async def take(self, form: SubmittedForm) -> Any:
        values = form.values
        self.handed.append((form.digest, {key: (value, form.authors[key]) for key, value in values.items()}))
        await attempt(self.pairs[0].edit("note", "while it is taken"))
        if isinstance(self.fate, Exception):
            raise self.fate
        return self.fate


async def attempt(work: Awaitable[Any]) -> Any:
    """Return what comes of some work; a refusal in its place."""
    try:
        return await work
    except HandshakeError as refusal:
        return refusal


def held_in(context: Any) -> Held:
    return {key: (record["value"], record["by"]) for key, record in context.items()}


small = st.integers(0, 9)
texts = st.sampled_from(["Bea", " Bea ", "meddle", "veto", ""])
steps = st.one_of(
    st.tuples(st.just("act"), st.sampled_from(["name", "note"]), texts),
    st.tuples(st.just("edit"), st.sampled_from(["name", "note"]), texts),
    st.tuples(st.just("release"), st.sampled_from(["name", "note"])),
    st.tuples(st.just("revert")),
    st.tuples(st.just("ask"), st.sampled_from([None, "name"])),
    st.tuples(st.just("suggest"), texts, st.sampled_from(["A", "B"])),
    st.tuples(st.just("withdraw"), small),
    st.tuples(st.just("answer"), small, st.sampled_from(["accept", "decline"]), st.booleans()),
    st.tuples(st.just("repeat"), small),
    st.tuples(st.just("look"), st.integers(0, 1)),
    st.tuples(st.just("submit"), st.integers(0, 1), st.sampled_from(FATES)),
)
"""Each is taken at either worker."""


class Together(RuleBasedStateMachine):
    """Agents, two pages and the host, several steps at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner(loop_factory=VirtualTimeLoop)
        self.shown: dict[str, Held] = {}
        self.submitted: set[str] = set()
        self.answers = 0

    def teardown(self) -> None:
        if hasattr(self, "watching"):
            self.runner.run(self.leave())
        self.runner.close()

    @initialize()
    def begin(self) -> None:
        self.runner.run(self.open())

    async def open(self) -> None:
        """Open a session with a live page at one worker, and two that look from time to time."""
        self.host = Host()
        modes = {**DEFAULT_HANDLERS, "tidy": Tidy()}
        pairs = await workers(2, FORM, prepare=self.host.serve, mode_handlers=modes)
        self.pairs = self.host.pairs = pairs
        self.tabs = ["", ""]
        """The digests that the two pages show."""
        self.listed: dict[str, dict[str, Any]] = {}
        """Requests as some page showed them, by id."""
        self.said: dict[str, list[tuple[str, Any]]] = {}
        """id -> the decisions on it that the server took, with the answer for the agent."""
        self.calls: list[tuple[str, dict[str, Any], Any]] = []
        self.watching = AsyncExitStack()
        self.page: Viewer = await self.watching.enter_async_context(pairs[1].watch())
        self.speaker: Viewer = await self.watching.enter_async_context(pairs[0].watch())
        """A second page: a page is not shown an edit that comes from its own socket."""
        self.folded = 0
        self.fold: Held = {}
        await self.look(pairs[0], 0)

    async def leave(self) -> None:
        await self.watching.aclose()
        for pair in self.pairs:
            await pair.engine.aclose()

    def note(self, digest: str, held: Held) -> None:
        assert self.shown.setdefault(digest, held) == held, "one digest of two states"

    @rule(together=st.lists(st.tuples(steps, st.integers(0, 1)), min_size=2, max_size=6))
    def take(self, together: list[tuple[Any, int]]) -> None:
        self.runner.run(self.take_all(together))

    async def take_all(self, together: list[tuple[Any, int]]) -> None:
        work = [getattr(self, name)(self.pairs[place], *given) for (name, *given), place in together]
        await asyncio.gather(*work)
        await asyncio.sleep(0.1)
        if any(digest in self.submitted for digest in self.tabs):
            await self.leave()
            await self.open()

    @rule(which=small)
    def repeat_alone(self, which: int) -> None:
        before = self.runner.run(self.pairs[0].log())
        self.runner.run(self.repeat(self.pairs[1], which))
        assert self.runner.run(self.pairs[0].log()) == before, "a repeated answer has changed something"

    async def act(self, pair: Pair, key: str, value: str) -> None:
        await attempt(pair.act({key: value}))

    async def edit(self, pair: Pair, key: str, value: str) -> None:
        await attempt(pair.edit(key, value))

    async def release(self, pair: Pair, key: str) -> None:
        await attempt(pair.notify(key=key, release=True))

    async def revert(self, pair: Pair) -> None:
        await attempt(pair.engine.post_revert(pair.session_id, {"all": True}, pair.user))

    async def ask(self, pair: Pair, key: str | None) -> None:
        body = QUESTION if key is None else {"text": "What name?", "key": key}
        await attempt(pair.engine.post_ask(pair.session_id, body, pair.agent))

    async def suggest(self, pair: Pair, value: str, name: str) -> None:
        agent = replace(pair.agent, agent_name=name)
        action = {"type": "suggest", "key": "name", "value": value}
        await attempt(pair.engine.post_action(pair.session_id, {"actions": [action]}, agent))

    async def withdraw(self, pair: Pair, which: int) -> None:
        if self.listed:
            request_id = [*self.listed][which % len(self.listed)]
            await attempt(pair.engine.withdraw(pair.session_id, request_id, pair.agent))

    async def answer(self, pair: Pair, which: int, decision: str, by_socket: bool) -> None:  # noqa: FBT001
        if not self.listed:
            return
        request = [*self.listed.values()][which % len(self.listed)]
        self.answers += 1
        mark = self.answers
        values: dict[str, Any] = {}
        if decision == "accept" and request["kind"] == "ask":
            values = {request["key"]: f"n{mark}"} if "key" in request else {"which": mark}
        body = {"decision": decision, "digest": request["digest"], "values": values}
        if by_socket and self.speaker.closed is None:
            await self.speaker.send(type="answer", id=request["id"], ref=mark, **body)
            await asyncio.sleep(0.05)
            taken = any(frame.get("ref") == mark for frame in self.speaker.frames if frame["type"] == "ack")
        else:
            reply = await attempt(pair.engine.post_answer(pair.session_id, request["id"], body, pair.user))
            taken = not isinstance(reply, HandshakeError)
            if taken:
                self.calls.append((request["id"], body, reply.payload["status"]))
        if taken:
            self.said.setdefault(request["id"], []).append((decision, values))

    async def repeat(self, pair: Pair, which: int) -> None:
        """Send a decision that was taken before once more."""
        if self.calls:
            request_id, body, status = self.calls[which % len(self.calls)]
            reply = await attempt(pair.engine.post_answer(pair.session_id, request_id, body, pair.user))
            code = reply.code if isinstance(reply, HandshakeError) else reply.payload["status"]
            # It may have been read by the agent and let go of, or the form have been submitted.
            assert code in (status, "request_not_found", "session_submitted"), code

    async def look(self, pair: Pair, tab: int) -> None:
        context = await attempt(pair.context())
        if isinstance(context, dict):
            self.note(context["digest"], held_in(context["context"]))
            self.tabs[tab] = context["digest"]
            self.listed |= {one["id"]: one for one in context.get("requests", ())}

    async def submit(self, pair: Pair, tab: int, fate: Any) -> None:
        self.host.fate = fate
        digest = self.tabs[tab] or "none"
        reply = await attempt(pair.engine.post_submit(pair.session_id, {"digest": digest}, pair.user))
        if not isinstance(reply, HandshakeError):
            assert reply.payload["digest"] == digest
            self.submitted.add(digest)

    @invariant()
    def the_state_handed_over_is_the_one_shown_and_it_is_once(self) -> None:
        digests = [digest for digest, _ in self.host.handed]
        assert len(digests) == len(set(digests))
        for digest, held in self.host.handed:
            assert self.shown[digest] == held

    @invariant()
    def a_digest_that_is_told_with_the_end_of_a_batch_is_of_what_was_shown_until_then(self) -> None:
        for frame in self.page.frames[self.folded :]:
            if frame["type"] == "connected":
                self.fold = held_in(frame["snapshot"]["context"])
                self.note(frame["snapshot"]["digest"], dict(self.fold))
            elif frame["type"] in ("action", "edit"):
                self.fold[frame["key"]] = (frame["value"], frame["by"])
            elif frame["type"] == "done":
                self.note(frame["digest"], dict(self.fold))
        self.folded = len(self.page.frames)

    @invariant()
    def the_agent_is_told_of_each_request_what_the_person_said_of_that_one(self) -> None:
        for decisions in self.said.values():
            assert all(one == decisions[0] for one in decisions), "two decisions on one request"
        context = self.runner.run(attempt(self.pairs[0].context(Role.AGENT)))
        for one in context.get("requests", ()) if isinstance(context, dict) else ():
            if one["status"] in ("answered", "declined"):
                (decision, values), *_ = self.said[one["id"]]
                assert decision == ("accept" if one["status"] == "answered" else "decline")
                if one["kind"] == "ask" and decision == "accept":
                    assert one["answer"]["values"] == values
            else:
                assert one["id"] not in self.said, one


TestTogether = Together.TestCase
TestTogether.settings = settings(stateful_step_count=40, max_examples=settings().max_examples // 3)
"""An example is forty steps at two workers, and takes as long as dozens of other tests do."""
