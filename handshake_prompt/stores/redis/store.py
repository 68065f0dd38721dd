"""Store in Redis: each step of a caller is one script, sent once, in one round trip."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from redis.asyncio import Redis, RedisCluster

from handshake_prompt.protocol.errors import StoreUnavailableError
from handshake_prompt.protocol.events import Event
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.rate_limit import Quota
from handshake_prompt.stores.base import PRESENCE_SECONDS, SessionStore
from handshake_prompt.stores.capacity import Urgency
from handshake_prompt.stores.codec import decode_foreign, pack, pack_session
from handshake_prompt.stores.records import PLAIN_VISIT, Claim, Loaded, Receipt, Record, Visit, owner_digest
from handshake_prompt.stores.subscribers import Subscriber

from . import replies, scripts, server_checks
from .address import Address
from .circuit_breaker import OutageLog
from .client import Client, place_of
from .executor_factory import executor_for, executors_over
from .keys import Keys
from .scripts import Run, Script
from .server_clock import ServerClock
from .timings import RedisTimings

T = TypeVar("T", bound=replies.Reply)

PREFIX = "hpp"
PRESENCE_BATCH = 100
"""Sessions in one batch of reports."""
CLOCK_MILLISECONDS = 7 * 86_400_000
"""Life of the high-water mark of time: longer than that of any session."""
SCANS, SCAN_KEYS = 10, 500
"""Looks for unused sessions at one creation in a full server, and keys looked at by each: a few milliseconds in all."""
SHARE_TIME_INTERVAL = 5.0
"""Seconds between two notes of the time while the server's clock is behind."""

logger = logging.getLogger(__name__)


class RedisStore(SessionStore):
    """Keeps sessions in Redis: one server, one that Sentinel watches over, or a Cluster.

    Connections and the pub/sub listener belong to an event loop. They are opened at first use in that loop and closed
    by `aclose` there; after that only `ready` opens them anew, so that late callers leave nothing behind.

    Args:
        url: `redis://user:password@host:port/db`, `unix:///path`, `redis+sentinel://host,host/service` or
            `redis+cluster://host,host`; `rediss...` for TLS, with options such as `?ssl_ca_certs=/path`.
            `?prefix=` names the keys' prefix.
        client: a client to use instead of a URL. It is left open, and its own retries are not used.
        prefix: the begin of all keys and channels; `hpp` unless the URL says otherwise.
        limits: bounds on the logs and receipts of a session; that on all of them is the server's `maxmemory`.
        timings: intervals and timeouts.

    Raises:
        ValueError: the URL is not one of a Redis; there is neither it nor a client, or both.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        client: Redis | RedisCluster | None = None,
        prefix: str | None = None,
        limits: Limits | None = None,
        timings: RedisTimings | None = None,
    ) -> None:
        if (url is None) == (client is None):
            raise ValueError("A RedisStore is opened with either a URL or a client")
        address = None if url is None else Address.parse(url)
        self._timings = timings = timings or RedisTimings()
        self._executor = executors_over(client, timings) if address is None else partial(executor_for, address, timings)
        self._where = type(client).__name__ if address is None else str(address)
        self._keys = Keys(prefix or (address and address.prefix) or PREFIX)
        self._limits = limits or Limits()
        self._clock = ServerClock()
        self._outage = OutageLog(timings.recovery_quiet)
        self._clients: dict[asyncio.AbstractEventLoop, Client] = {}
        self._lock = threading.Lock()
        """Held to change the clients: event loops may run in several threads."""
        self._checked = False
        self._scan_cursor = b"0"
        self._share_time_at = 0.0
        """When to note the time next, on the worker's clock."""

    def __repr__(self) -> str:
        return f"<RedisStore {self._where} prefix={self._keys.prefix!r}>"

    def now(self) -> float:
        return self._clock.now()

    async def ready(self) -> None:
        client = self._open_client(reopen=True)
        if not self._checked:
            info = await client.run_by_deadline(lambda executor, deadline: executor.info(deadline=deadline))
            self._check_server(info, cluster=client.executor.cluster)
        await self._note_time()

    async def create(self, record: Record) -> None:
        session = record.session
        if session.owner is not None:
            gone_at = record.purge_at + max(0.0, session.deadline - record.expires_at)
            key = self._keys.owner_key(owner_digest(session.owner))
            await self._run_script(scripts.OWN, [key], session.session_id, gone_at, decode=replies.decode_reply)
        created = await self._create_once(record)
        if created.outcome == "full" and await self._evict_unused():
            created = await self._create_once(record)
        created.raise_refusal()

    async def load(self, session_id: str, *, after: int | None = None, key: str | None = None) -> Loaded | None:
        return await self.visit(session_id, Visit(after=after, key=key))

    async def visit(
        self, session_id: str, visit: Visit = PLAIN_VISIT, *, claims: Sequence[Claim] = ()
    ) -> Loaded | None:
        asked = {"claims": claims, "renew": visit.renew, "after": visit.after, "key": visit.key}
        counters = [self._keys.counter_key(f"{claim.counter}:{session_id}") for claim in claims]
        keys = [*self._keys.saved_keys(session_id), self._keys.presence_key(session_id), *counters]
        visited = await self._run_script(scripts.VISIT, keys, pack(asked), decode=replies.decode_visit)
        loaded = partial(visited.read_result, claims=claims, after=visit.after)
        return decode_foreign(loaded, session_id, place=place_of(keys[0]))

    async def save(self, record: Record, *, events: Sequence[Event] = (), receipt: Receipt | None = None) -> None:
        session_id = record.session.session_id
        asked: dict[str, Any] = {
            "head": _head_members(record),
            "ended": bool(record.session.ended),
            "share": record.urgency.value,
            "channel": self._keys.channel_name(session_id),
            "log_events": self._limits.log_events,
            "log_bytes": self._limits.log_bytes,
            "receipt_bytes": self._limits.idempotency_bytes,
        }
        if events:
            asked |= {"last": events[-1].seq, "log_gain": sum(event.size for event in events)}
        if receipt is not None:
            asked |= {"key": receipt.key, "size": len(receipt.reply), "lifetime": receipt.lifetime}
        parts = [pack_session(record.session), pack(receipt), *(pack((event.size, event)) for event in events)]
        keys = self._keys.saved_keys(session_id)
        saved = await self._run_script(scripts.SAVE, keys, pack(asked), *parts, decode=replies.decode_saved)
        saved.raise_refusal()
        record.version += 1
        record.expires_at, record.purge_at = saved.expires, saved.purge

    async def touch(self, session_id: str, *, expires_at: float, purge_at: float) -> None:
        keys = self._keys.saved_keys(session_id)
        await self._run_script(scripts.TOUCH, keys, expires_at, purge_at, decode=replies.decode_reply)

    async def hit(self, counter: str, *, limit: int, window: float) -> Quota:
        hit = await self._run_script(
            scripts.HIT, [self._keys.counter_key(counter)], limit, window, decode=replies.decode_hit
        )
        return hit.counted.as_quota(limit=limit, window=window)

    async def owned_by(self, owner: Any) -> Sequence[str]:
        key = self._keys.owner_key(owner_digest(owner))
        command = ("ZRANGEBYSCORE", key, self.now(), "+inf")
        found = await self._open_client().call_guarded(
            key, lambda executor, deadline: executor.call(key, *command, deadline=deadline)
        )
        return sorted(session_id.decode("ascii", "replace") for session_id in found)

    async def subscribe(self, session_id: str, subscriber: Subscriber) -> None:
        await self._open_client().subscribe(session_id, subscriber)

    def unsubscribe(self, session_id: str, subscriber: Subscriber) -> None:
        if (client := self._clients.get(asyncio.get_running_loop())) is not None:
            client.listener.unsubscribe(session_id, subscriber)

    async def report_watchers(self, worker: str, watchers: Mapping[str, int]) -> None:
        runs: list[Run] = [
            (
                [self._keys.session_key(session_id), self._keys.presence_key(session_id)],
                [self._clock.time_reached, worker, count, PRESENCE_SECONDS],
            )
            for session_id, count in watchers.items()
        ]
        for start in range(0, len(runs), PRESENCE_BATCH):
            await self._run_script_on_all(scripts.PRESENT, runs[start : start + PRESENCE_BATCH])

    async def aclose(self) -> None:
        if (client := self._clients.get(asyncio.get_running_loop())) is not None:
            await client.aclose()

    async def _create_once(self, record: Record) -> replies.SavedReply:
        session = record.session
        keys, head = self._keys.saved_keys(session.session_id)[:2], pack(_head_members(record))
        parts = (head, pack_session(session), Urgency.CREATION.value)
        return await self._run_script(scripts.CREATE, keys, *parts, decode=replies.decode_saved)

    async def _evict_unused(self) -> bool:
        """Delete sessions that nobody has used or watches, a bounded number; return whether there were any.

        The keys are gone through a few at a time, from where the last call has ended. A Cluster's are not.
        """
        evicted = False
        for _ in range(0 if self._open_client().executor.cluster else SCANS):
            for head in await self._scan_heads():
                evicted |= await self._evict_if_unused(self._keys.session_id(head))
            if evicted or self._scan_cursor == b"0":
                break
        return evicted

    async def _scan_heads(self) -> list[bytes]:
        """Return the heads among the next few keys."""
        command = ("SCAN", self._scan_cursor, "MATCH", self._keys.head_pattern, "COUNT", SCAN_KEYS)
        self._scan_cursor, heads = await self._open_client().run_by_deadline(
            lambda executor, deadline: executor.call(b"", *command, deadline=deadline)
        )
        return list(heads)

    async def _evict_if_unused(self, session_id: str) -> bool:
        keys = [*self._keys.saved_keys(session_id), self._keys.presence_key(session_id)]
        reply = await self._run_script(scripts.EVICT, keys, self._limits.unused_seconds, decode=replies.decode_evicted)
        return reply.evicted

    def _open_client(self, *, reopen: bool = False) -> Client:
        """Return the client of this event loop, opening one if need be."""
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is not None and not (client.closed and reopen):
            return client
        client = Client(self._executor(), self._outage, self._keys, self._timings)
        with self._lock:
            self._clients = {one: its for one, its in self._clients.items() if not one.is_closed()} | {loop: client}
        return client

    async def _run_script(
        self,
        script: Script,
        keys: Sequence[bytes],
        *arguments: bytes | str | float,
        decode: Callable[[bytes], T],
    ) -> T:
        """Run a script, take the time from its reply, and return that decoded."""
        reached = self._clock.time_reached
        packed = await self._open_client().call_guarded(
            keys[0], lambda executor, deadline: script.run(executor, keys, reached, *arguments, deadline=deadline)
        )
        reply = decode_foreign(decode, packed, place=place_of(keys[0]))
        self._clock.observe_time(reply.now)
        if reply.now <= reached and script is not scripts.NOW:
            await self._share_time()
        return reply

    async def _run_script_on_all(self, script: Script, runs: Sequence[Run]) -> None:
        key = runs[0][0][0]
        await self._open_client().run_by_deadline(
            lambda executor, deadline: script.run_all(executor, runs, deadline=deadline), key=key
        )

    async def _note_time(self) -> None:
        """Take over the time of other workers, and leave ours for workers that start later."""
        arguments = (CLOCK_MILLISECONDS, self._keys.channel_name("ready"))
        await self._run_script(scripts.NOW, [self._keys.clock_key], *arguments, decode=replies.decode_reply)

    async def _share_time(self) -> None:
        """Note the time now and then while the server's clock is behind."""
        if self._clock.monotonic() < self._share_time_at:
            return
        self._share_time_at = self._clock.monotonic() + SHARE_TIME_INTERVAL
        with suppress(StoreUnavailableError):  # the call itself was answered
            await self._note_time()

    def _check_server(self, info: Mapping[str, str], *, cluster: bool) -> None:
        if server_checks.too_old(info):
            logger.error("Redis is too old: it has to be %d.%d or newer", *server_checks.OLDEST)
            raise StoreUnavailableError
        self._checked = True
        for warning in server_checks.settings_warnings(info, cluster=cluster):
            logger.warning(warning)


def _head_members(record: Record) -> dict[str, Any]:
    """Return a record's head, named as in `Keys`."""
    session = record.session
    head = {
        "v": record.version,
        "e": record.expires_at,
        "p": record.purge_at,
        "t": session.ttl,
        "d": session.deadline,
        "by": session.proofs,
    }
    return head if session.used or session.ended else head | {"n": session.created_at}
