"""Memory that a session takes, by the kind of its values."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Sequence
from dataclasses import replace

import pytest

from handshake_prompt import HandshakeApp, Limits, MemoryStore
from tests.support.bare_sessions import Opened, as_json, batch, opened
from tests.support.held import JSON, Answer, ask
from tests.support.recipes import CHARACTERS, LARGE, SHAPES, values_of

LIMITS = Limits()
ROOM = LIMITS.body_bytes // 2 - 100
PLAIN_FIELD, PLAIN_SESSION = 700, 4_000
"""Bytes of memory that a field with its events, and a session, take beside their JSON."""
TIMES = 3


async def memory_of(body: bytes, batches: Sequence[bytes], *, sessions: int) -> tuple[float, float]:
    """Return the bytes of memory, and those of JSON in state and log, that a session of a kind takes on average."""
    app = HandshakeApp(limits=LIMITS, store=MemoryStore(LIMITS))
    warm = await opened(app, body)
    assert isinstance(warm, Opened)
    gc.collect()
    tracemalloc.start()
    try:
        kept = 0
        for _ in range(sessions):
            session = await opened(app, body)
            assert isinstance(session, Opened)
            for actions in batches:
                written = await ask(app, "POST", f"/action/{session.session_id}", [*session.agent, JSON], actions)
                assert written.status == 200, written.body
            loaded = await app.engine.store.load(session.session_id, after=0)
            assert loaded is not None
            kept += loaded.size
            del session, loaded
        gc.collect()
        return tracemalloc.get_traced_memory()[0] / sessions, kept / sessions
    finally:
        tracemalloc.stop()


HELD = [(shape, "éa") for shape in SHAPES if shape != "text"] + [("text", chars) for chars in CHARACTERS]


@pytest.mark.parametrize(("shape", "chars"), HELD, ids=[f"{shape}, {chars}" for shape, chars in HELD])
async def test_a_session_takes_at_most_thrice_its_json(shape: str, chars: str) -> None:
    recipe = replace(LARGE, shape=shape, chars=chars if chars in CHARACTERS else "éa", values=5)
    for share in (1.0, 0.3, 0.15, 0.07):  # of small parts, fewer fill a body
        values = values_of(replace(recipe, share=share), 5, ROOM, LIMITS)
        meta = next(iter(values.values()))
        body = as_json({"defaults": values, "meta": {"m": meta}})
        if not isinstance(await opened(HandshakeApp(), body), Answer):
            break
    batches = [batch([(key, None) for key in values]), batch(list(values.items()))]
    memory, kept = await memory_of(body, batches, sessions=4)
    assert memory <= TIMES * kept + PLAIN_FIELD * 3 * len(values) + PLAIN_SESSION


@pytest.mark.parametrize("columns", [1, 6])
async def test_a_row_takes_no_more_than_a_field(columns: int) -> None:
    fields = [{"key": f"c{column}"} for column in range(columns)]
    body = as_json({"mode": "form-fill", "schema": [{"key": "lines", "type": "rows", "fields": fields}]})
    add = {"type": "add", "key": "lines", "value": {f"c{column}": "x" for column in range(columns)}}
    actions = as_json({"actions": [add] * 100, "stream": False})
    memory, kept = await memory_of(body, [actions] * 2, sessions=4)
    assert memory <= TIMES * kept + PLAIN_FIELD * 200 * (columns + 1) + PLAIN_SESSION
