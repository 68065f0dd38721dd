"""Bounds of the protocol in one frozen value, each with the reason for its default beside it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Limits:
    """The bounds a server enforces; SPEC.md section 10 has the table.

    Durations are seconds, sizes are bytes of UTF-8 JSON unless said otherwise. The repr has the bounds that are not the
    defaults: `Limits(fields=100)`.

    Raises:
        ValueError: on construction, if a bound is not a positive number or two of them contradict each other.
    """

    # Rates. Windows start with their first request, so `remaining` and `reset` in the headers are exact.
    agent_requests: int = 60
    """Per session and window: an agent's loop of read, act, poll stays well below one request a second."""
    user_requests: int = 600
    """Per session and window, apart from the agent's: an agent can never use up the person's requests."""
    schema_changes: int = 20
    """By the page, per session and window: the whole schema is compiled anew, and every watcher is told."""
    rate_window: float = 60.0
    wrong_tokens_per_session: int = 10
    """Guessing 192 bits is hopeless; this keeps it quiet as well. The right token is never locked out."""
    wrong_tokens_per_address: int = 20
    wrong_codes_per_address: int = 20
    wrong_codes: int = 1_000
    """Of all addresses: more is an attack, and logged as one. The right code of a pickup is never locked out either."""
    creates_per_address: int = 30
    """Sessions, and codes of pickups, which take a place in the store each."""
    messages_per_address: int = 600
    """Of MCP at the one address for all sessions, before they are read: hosts in a cloud share addresses."""

    # Bodies and values.
    body_bytes: int = 256 * 1024
    body_timeout: float = 10.0
    """For the whole body, however many chunks it comes in."""
    body_parts: int = 10_000
    """JSON values in one body, each entry of a list and member of an object: checking one takes up to 1 µs, whatever
    its bytes. A form of 400 fields and 1 000 labelled options has 7 000."""
    json_depth: int = 16
    """Counted explicitly: the depth at which parsers give up differs between Python versions."""
    fields: int = 500
    """In a schema, those of rows included; and in one object of values."""
    values: int = 2_000
    """Values and rows of either side of a session: 84 rows of six cells, and as many again, are half of them."""
    row_cells: int = 10_000
    """Cells of the rows of either side, filled or not: looking at each for what is missing takes up to 1 µs."""
    actions: int = 200
    changes: int = 1_000
    """Events that one request about rows may make: each row added or removed, and each cell. A list of 84 rows of six
    cells that takes the place of another makes 672, in some 15 ms with their frames."""
    value_bytes: int = 32 * 1024
    key_chars: int = 256
    mode_chars: int = 64
    session_bytes: int = 512 * 1024
    """Of either side: the agent's values; the person's and the page's, with schema and meta. The room is apart, so an
    agent can neither fill the person's nor tell from its own how long a hidden value is."""
    session_parts: int = 20_000
    """JSON values within the values of either side: the cost of rendering them, beside the bytes."""
    pattern_chars: int = 512
    """A field's `pattern`; it is matched in linear time, this bounds the constant."""

    # Lifetimes.
    extend_seconds: int = 86_400
    """The most one call may ask for."""
    max_lifetime: float = 86_400.0
    """From creation, in spite of all extensions."""
    tombstone_seconds: float = 600.0
    """How long holders of an ended session's credentials are told why it ended."""
    pickup_seconds: float = 600.0
    """A code that is read aloud, or scanned, is used at once."""
    expiring_notice: float = 60.0
    idempotency_seconds: float = 600.0
    idempotency_bytes: int = 1024 * 1024
    """Of stored replies per session; the oldest make room."""
    idempotency_join: float = 10.0
    """How long a copy of a request that is still running waits for its outcome before it is told 409."""

    # Requests of the agent to the person.
    open_requests: int = 16
    """At once: a person can look at no more, and each is asked for attention."""
    ended_requests: int = 16
    """Kept until the agent has read them; the oldest make room."""
    asks: int = 20
    """Questions per session and `ask_window`, however fast they are answered."""
    ask_window: float = 300.0
    ask_seconds: float = 300.0
    """A question's time where the agent names none."""
    ask_longest: float = 3600.0
    ask_chars: int = 2000
    """A question's text, and an action's `source` and `reason`: what a person reads."""
    ask_fields: int = 10
    answer_seconds: float = 60.0
    """An ended request is kept so long after the agent was first sent it, since that reply may be lost."""

    submit_timeout: float = 30.0
    """For the host's function that takes a submission: beyond it, nobody can tell what has become of it."""

    # The event log of a session.
    log_events: int = 512
    log_bytes: int = 1024 * 1024
    replay_events: int = 300
    """A resume that missed more gets a snapshot: cheaper for both sides than hundreds of frames."""
    diff_events: int = 50
    """Changes that `/diff` lists if not told since when."""
    long_poll: float = 25.0
    """Below the idle timeout of common proxies (30 s and up)."""

    # Watchers.
    watchers_per_session: int = 8
    """Of each role: tabs and a phone; an agent or two, and their long polls. Neither takes a place of the other's."""
    watchers: int = 10_000
    """In a worker. The last quarter of the places is for pages alone."""
    queue_events: int = 256
    queue_bytes: int = 1024 * 1024
    """Per watcher; beyond either bound it reads on from the log, and is closed 4508 if it does not read at all."""
    frame_bytes: int = 64 * 1024
    frames_per_second: float = 20.0
    frames_burst: int = 60
    """From one page; over it the socket is read more slowly and nothing is dropped."""
    malformed_frames: int = 10
    """Per minute."""
    send_timeout: float = 10.0
    keepalive: float = 25.0
    stream_keepalive: float = 15.0
    """Of an event stream: replies go through more, and less patient, proxies than sockets do."""
    agent_silence: float = 360.0
    """Without a request for that long an agent counts as gone: longer than the life of an event stream."""
    login_lease: float = 60.0
    """After which the host is asked again whose a connection is: a logout is noticed a keepalive later at most."""
    stream_life: float = 300.0
    """After which an event stream ends and is resumed: below the hour at which many proxies cut a reply."""
    pace_interval: float = 2.0
    """The longest pause between two frames of a paced batch."""
    pace_batch: float = 10.0
    """The longest a paced frame is held back behind the state it shows."""
    drain_spread: float = 2.0
    """Watchers are told to reconnect spread over this time, so that they do not all arrive at once elsewhere."""

    # Processes.
    sessions: int = 100_000
    """In a memory store or a SQLite file; a Redis has a bound of its own, `maxmemory`."""
    unused_seconds: float = 600.0
    """A session without a use or a watcher for so long from its creation makes room for a new one in a full store."""
    store_bytes: int = 1024**3
    """Memory or file that a store takes. New sessions are refused from nine tenths of it, writes by agents from all of
    it, and a tenth more is kept for the person's edits. For a Redis, its `maxmemory` takes this bound's place."""
    hook_timeout: float = 5.0
    hook_batch_timeout: float = 10.0
    """For all `on_action` calls of one request; the agent SDK of version 0.2 gives up after 15 s."""
    options: int = 100
    """In one answer about a field whose options are looked up: who wants others asks for more letters."""
    validator_timeout: float = 5.0
    """Of a form's validator: the longest a reply waits for its verdict."""
    cookies: int = 8
    """Sessions one browser can hold the person's role in at a time."""

    def __repr__(self) -> str:
        others = (field.name for field in dataclasses.fields(self) if getattr(self, field.name) != field.default)
        return f"Limits({', '.join(f'{name}={getattr(self, name)!r}' for name in others)})"

    def replace(self, **bounds: Any) -> Limits:
        """Return these limits with the given ones in place; None leaves a bound as it is."""
        return dataclasses.replace(self, **{name: value for name, value in bounds.items() if value is not None})

    def public(self) -> dict[str, float]:
        """Return the bounds a client meets, under the wire's names."""
        return {
            "requestsPerMinute": round(self.agent_requests * 60 / self.rate_window),
            "bodyBytes": self.body_bytes,
            "bodyParts": self.body_parts,
            "valueBytes": self.value_bytes,
            "sessionBytes": self.session_bytes,
            "sessionParts": self.session_parts,
            "fields": self.fields,
            "values": self.values,
            "rowCells": self.row_cells,
            "changes": self.changes,
            "actions": self.actions,
            "watchers": self.watchers_per_session,
            "frameBytes": self.frame_bytes,
            "maxLifetime": self.max_lifetime,
            "longPoll": self.long_poll,
        }

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            allowed, kind = (int, " without a fraction") if field.type == "int" else (int | float, "")
            if isinstance(value, bool) or not isinstance(value, allowed) or not 0 < value < float("inf"):
                raise ValueError(f"Limits.{field.name} must be a positive number{kind}, not {value!r}")
        if self.value_bytes > self.frame_bytes:
            raise ValueError("Limits.value_bytes must not exceed frame_bytes: a page could not send such a value")
        if self.replay_events > self.log_events:
            raise ValueError("Limits.replay_events must not exceed log_events: only what is kept can be replayed")
        if self.actions >= self.queue_events:
            raise ValueError("Limits.actions must be below queue_events: one batch has to fit a watcher's queue")
