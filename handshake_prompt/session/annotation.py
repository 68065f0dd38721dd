"""Annotation of a turn's writes: an agent's notes on a value go with it, into the log and into the record. Pure."""

from __future__ import annotations

from msgspec.structs import replace

from handshake_prompt.protocol.events import Change

from .authors import By
from .notes import Note
from .row_keys import inner_prefix
from .session import Session


def annotate_write(session: Session, key: str, seq: int | None, note: Note) -> None:
    """Put a note on the write of this turn that made event `seq`, or on the cells of a row or a list that it made.

    Args:
        session: the draft.
        key: of the field, row or list that was written.
        seq: of the event; None or 0 if nothing was logged.
        note: the note, on no value yet.
    """
    events = session.turn.events if session.turn else []
    is_part = key in session.row_authors or key in session.rows
    inside = inner_prefix(key)
    for place, event in enumerate(events):
        if type(event) is Change and (event.seq == seq or (is_part and event.key.startswith(inside))):
            events[place] = replace(event, note=note.wire_members(), size=event.size + note.size)
            _keep_note(session, event.key, replace(note, rev=event.seq))


def _keep_note(session: Session, key: str, note: Note) -> None:
    if (field := session.values.get(key)) is None or field.rev != note.rev:
        return  # written again in the same turn
    old = session.notes.get(key)
    session.notes = session.notes | {key: note}
    session.charge(By.AI, size=note.size - (old.size if old else 0), parts=0, fields=0)
