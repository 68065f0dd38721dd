"""One batch of an agent's actions: judged by the hooks, played by the mode, closed with `done`. SPEC.md section 4."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from handshake_prompt.modes import Modes
from handshake_prompt.protocol.bodies import Action, ActionRequest
from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.events import DONE
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.messages import ActionReply, Outcome, whole_seconds
from handshake_prompt.session import Session
from handshake_prompt.session.agent_presence import announce_agent
from handshake_prompt.session.annotation import annotate_write
from handshake_prompt.session.digests import state_digest
from handshake_prompt.session.notes import Note
from handshake_prompt.session.page_problems import may_have_problems, problem_members
from handshake_prompt.session.verdict import NO_PROBLEMS
from handshake_prompt.stores import Record

from .access.guard import Admission
from .asking import Asking
from .form_validation import Foreseen, FormValidation
from .host.hook import ENDS_THE_SERVER, HostCodeError
from .host.hooks import Hooks, Verdict
from .idempotency import Idempotency
from .idempotency_keys import IdempotencyKey
from .pasted_questions import CheckedQuestion, put_questions
from .presence import Presence
from .shown_state import changes_since, note_pasted, with_conditions
from .tasks import Tasks
from .transactions import Transactions, Transition

FORM_MEMBERS = ("missingPerson", "hidden", "rows")
"""Members of a form's context that a reply has too, where the context has them."""


SUGGEST = "suggest"
"""The type of an action that proposes a value and writes none."""


class Origin(NamedTuple):
    """Where a batch comes from: a request of the agent's, or an answer that the person has pasted.

    `seen` is the place in the log that a pasted answer's prompt showed, if the answer tells; `questions` are its own.
    """

    is_pasted: bool = False
    seen: int | None = None
    questions: Sequence[CheckedQuestion] = ()


DIRECT = Origin()


class JudgedBatch(msgspec.Struct, frozen=True):
    """A batch that the hooks have judged: a verdict for each action, None for one that they let through."""

    actions: Sequence[Action]
    verdicts: Sequence[Verdict]
    origin: Origin
    name: str = ""
    """The name that the agent gives itself."""


class Batches:
    """Plays batches on sessions."""

    def __init__(
        self,
        transactions: Transactions,
        hooks: Hooks,
        modes: Modes,
        *,
        presence: Presence,
        asking: Asking,
        idempotency: Idempotency,
        tasks: Tasks,
        validation: FormValidation,
        limits: Limits,
    ) -> None:
        self._transactions = transactions
        self._hooks = hooks
        self._modes = modes
        self._presence = presence
        self._asking = asking
        self._idempotency = idempotency
        self._tasks = tasks
        self._validation = validation
        self._limits = limits

    async def carry_out(
        self, admission: Admission, asked: ActionRequest, key: str | None, origin: Origin = DIRECT
    ) -> tuple[ActionReply, bool]:
        """Carry out a batch, once if it comes with an idempotency key; return the reply, and whether it is a replay.

        Raises:
            HandshakeError: see `Transactions.apply` and `Idempotency.run_once`; also when the agent's token was
                replaced in the meantime.
        """
        if key is None:
            return await self._carry_out(admission, asked, origin), False
        run = partial(self._carry_out, admission, asked, origin)
        return await self._idempotency.run_once(admission, key, body=asked, run=run)

    def preview(self, admission: Admission, asked: ActionRequest, origin: Origin) -> ActionReply:
        """Return the reply that a batch would have now, if no hook of the host's objects. Nothing is written.

        Raises:
            HandshakeError: the mode refuses the whole batch.
        """
        draft = admission.record.draft(self._transactions.turn(Role.AGENT))
        batch = JudgedBatch(asked.actions, [None] * len(asked.actions), origin)
        try:
            return self._play_batch(draft, batch, None)
        except ENDS_THE_SERVER as error:
            raise HostCodeError("A mode raised what ends a process") from error

    async def _carry_out(
        self, admission: Admission, asked: ActionRequest, origin: Origin, key: IdempotencyKey | None = None
    ) -> ActionReply:
        """Play a batch once the hooks have judged it. With a `key` its reply is kept together with the change."""
        session, name = admission.session, admission.agent_name
        verdicts = await self._hooks.ask_actions(session, asked.actions, admission.request)
        batch = JudgedBatch(asked.actions, verdicts, origin, name)
        foreseen: Foreseen | None = None

        def play(draft: Record) -> ActionReply:
            admission.confirm_credential(draft.session)
            if name:
                announce_agent(draft.session, name)
            return self._play_batch(draft, batch, foreseen)

        turn = self._transactions.turn(Role.AGENT, pace=self._pause_between_frames(asked))
        if session.form:
            foreseen = await self._validation.foresee_verdict(admission.record, turn, play)
        transition = Transition(play, turn, key)
        payload, record = await self._transactions.apply(admission.session_id, transition, known=admission.loaded)
        if foreseen is not None:
            await self._add_verdict(payload, record, foreseen)
        if self._hooks.wants_done:
            self._tasks.spawn(self._hooks.tell_done(record.session.detached(), payload["results"]))
        return payload

    def _play_batch(self, draft: Record, batch: JudgedBatch, foreseen: Foreseen | None) -> ActionReply:
        if batch.origin.is_pasted:
            return self._play_pasted(draft, batch, foreseen)
        before = draft.session.seq
        outcomes = self._play_actions(draft.session, batch)
        return self._log_done(draft, outcomes, foreseen, shown=draft.session.seq - before)

    def _play_pasted(self, draft: Record, batch: JudgedBatch, foreseen: Foreseen | None) -> ActionReply:
        """Play the batch of a pasted answer, on the condition that its agent saw the page, and ask its questions."""
        session, origin = draft.session, batch.origin
        before, changes = session.seq, changes_since(session, origin.seen)
        actions = with_conditions(session, batch.actions, origin.seen)
        outcomes = self._play_actions(session, replace(batch, actions=actions))
        note_pasted(session, before)
        questions = put_questions(self._asking, session, origin.questions)
        payload = self._log_done(draft, outcomes, foreseen, shown=session.seq - before)
        payload.update({"questions": questions, **changes})  # type: ignore[typeddict-item]
        return payload

    def _pause_between_frames(self, asked: ActionRequest) -> float:
        """Return the pause between the batch's frames, so that all of them are shown within their time."""
        longest = self._limits.pace_batch / max(1, len(asked.actions))
        return asked.pace(min(longest, self._limits.pace_interval))

    def _play_actions(self, session: Session, batch: JudgedBatch) -> list[Outcome]:
        """Let the mode play the actions that the hooks let through, then make the suggestions.

        Vetoes stand in their places, and an agent's notes go with its writes.
        """
        actions, verdicts = batch.actions, batch.verdicts
        # Spelled out, since most batches have neither: a call for each action would be felt.
        special = [
            action
            for action in actions
            if action.type == SUGGEST or action.source or action.reason or action.confidence is not None
        ]
        if not special and not any(verdicts):
            return self._play_in_mode(session, actions)
        judged = [*zip(actions, verdicts, strict=True)]
        writes = [action for action, veto in judged if veto is None and action.type != SUGGEST]
        in_order = iter(self._play_in_mode(session, writes))
        outcomes: list[Outcome] = []
        for action, veto in judged:
            if veto is not None:
                outcome = session.refuse(action.key or "", "vetoed", veto)
            elif action.type == SUGGEST:
                outcome = self._asking.suggest(session, action, batch.name, is_pasted=batch.origin.is_pasted)
            else:
                outcome = next(in_order)
                if outcome.status == "applied" and (note := _note_of(action)) is not None:
                    annotate_write(session, outcome.subject, outcome.seq, note)
            outcomes.append(outcome)
        return outcomes

    def _play_in_mode(self, session: Session, actions: Sequence[Action]) -> list[Outcome]:
        played = self._modes.of(session).process_actions(session, actions)
        if len(played) != len(actions):
            raise RuntimeError(f"The mode {session.mode!r} answered {len(actions)} actions with {len(played)} outcomes")
        return played

    async def _add_verdict(self, payload: ActionReply, record: Record, foreseen: Foreseen) -> None:
        """Put the verdict on a saved batch into its reply, unless it was foreseen: another writer was first."""
        if "problems" not in payload:
            verdict = await self._validation.verdict_on(record.session, within=foreseen.time_left())
            payload.pop("problemsUnknown", None)
            payload.update(problem_members(record.session, verdict))  # type: ignore[typeddict-item]
        elif foreseen.verdict.unknown:
            self._validation.remember_verdict(record.session, foreseen.verdict)

    def _log_done(
        self, draft: Record, outcomes: Sequence[Outcome], foreseen: Foreseen | None, *, shown: int
    ) -> ActionReply:
        """Log the batch's `done` and return the members of the reply; the batch has made `shown` events before."""
        session = draft.session
        keys: dict[str, list[Any]] = {"applied": [], "rejected": [], "error": [], "suggested": []}
        for outcome in outcomes:
            keys[outcome.status].append(outcome.key)
        applied, rejected = keys["applied"], keys["rejected"]
        members = self._modes.of(session).context_response(session, Role.AGENT)
        missing = members.get("missing", [])
        # As tuples, since an empty one is no new object: the garbage collector looks at all that a log keeps.
        problems = self._problem_members(draft, foreseen) if may_have_problems(session) else {}
        told = {"missing": tuple(missing), "digest": state_digest(session), **problems}
        if "missingPerson" in members:
            told["missingPerson"] = tuple(members["missingPerson"])
        session.notice(DONE, applied=len(applied), rejected=tuple(rejected), **told)
        clients = self._presence.count_watchers(draft)
        payload: ActionReply = {
            "ok": True,
            "applied": applied,
            "rejected": rejected,
            "errors": [outcome.error() for outcome in outcomes if outcome.status == "error"] if keys["error"] else [],
            "results": outcomes,
            "broadcast": {"clients": clients, "actionMessages": clients * shown, "doneMessages": clients},
            "cursor": str(session.cursor),
            "expiresIn": whole_seconds(self._transactions.seconds_left(draft)),
        }
        if keys["suggested"]:
            payload["suggested"] = keys["suggested"]
        if "missing" in members:
            payload["missing"], payload["context"] = missing, session.context(Role.AGENT)
        payload.update({name: members[name] for name in FORM_MEMBERS if name in members})  # type: ignore[typeddict-item]
        if session.form or problems:
            payload.update(problems or {"problemsUnknown": True})  # type: ignore[typeddict-item]
        return payload

    @staticmethod
    def _problem_members(draft: Record, foreseen: Foreseen | None) -> dict[str, Any]:
        """Keep the verdict that was foreseen on this version, and return the members that tell it; else none."""
        if foreseen is None or foreseen.version != draft.version:
            return {} if draft.session.form else problem_members(draft.session, NO_PROBLEMS)
        verdict = draft.session.verdict = foreseen.verdict.at(draft.session.seq)
        return problem_members(draft.session, verdict)


def _note_of(action: Action) -> Note | None:
    if not action.source and not action.reason and action.confidence is None:
        return None
    return Note(source=action.source, confidence=action.confidence, reason=action.reason)
