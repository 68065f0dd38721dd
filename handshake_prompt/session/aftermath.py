"""Aftermath of a turn: the consequences of its writes for requests, notes, and all that is kept for a revert. Pure.

A transition only writes. The consequences follow here and once, for every author and every route.
"""

from __future__ import annotations

from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.events import Change
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.packing import parts_of, to_json

from .authors import By
from .field_value import FieldValue
from .page_problems import host_faults, tell_problems
from .requests import field_revision, sweep_requests
from .row_returns import note_displaced
from .session import Session


def conclude_turn(session: Session, previous: Session, now: float, limits: Limits) -> None:
    """Conclude the turn from `previous` to `session`, at a time on the store's clock."""
    if session.requests:
        sweep_requests(session, now, limits)
    if session.notes:
        _drop_old_notes(session)
    if session.rows is not previous.rows or session.displaced is not None:
        note_displaced(session, previous, limits)
    if session.author is Role.AGENT:
        _keep_overwritten(session, previous)
    if session.before:
        _drop_kept_values(session)
    if session.submission is not None and session.author is Role.USER:  # a `done` tells of the agent's
        _tell_of_corrections(session, previous)


def _keep_overwritten(session: Session, previous: Session) -> None:
    """Keep values written over by the agent for the first time: out of sight, and still counted."""
    events = session.turn.events if session.turn else ()
    replaced = {
        event.key: old
        for event in events
        if type(event) is Change and (old := previous.values.get(event.key)) is not None and old.by != By.AI
    }
    fresh = {key: old for key, old in replaced.items() if key not in session.before}
    if fresh:
        session.before = session.before | fresh
        for key, old in fresh.items():
            _charge_kept_value(session, key, old, 1)


def _drop_kept_values(session: Session) -> None:
    """Let go of kept values of fields no longer the agent's, there or set aside."""
    aside = session.aside.values if session.aside else {}
    agents = {key for key in session.before if (aside[key].by if key in aside else session.whose(key)) == By.AI}
    gone = {key: old for key, old in session.before.items() if key not in agents}
    if gone:
        session.before = {key: old for key, old in session.before.items() if key not in gone}
        for key, old in gone.items():
            _charge_kept_value(session, key, old, -1)


def _charge_kept_value(session: Session, key: str, old: FieldValue, sign: int) -> None:
    """Count a kept value into the part of the session it was in."""
    session.charge(
        old.payer, size=sign * (len(key) + len(to_json(old.kept))), parts=sign * parts_of(old.kept), fields=0
    )


def _tell_of_corrections(session: Session, previous: Session) -> None:
    """Tell of the problems that are left once the person has corrected refused values."""
    if session.submission is previous.submission and host_faults(session) != host_faults(previous):
        tell_problems(session)


def _drop_old_notes(session: Session) -> None:
    """Drop notes on replaced values."""
    kept = {key: note for key, note in session.notes.items() if field_revision(session, key) == note.rev}
    if len(kept) < len(session.notes):
        size = sum(note.size for key, note in session.notes.items() if key not in kept)
        session.notes = kept
        session.charge(By.AI, size=-size, parts=0, fields=0)
