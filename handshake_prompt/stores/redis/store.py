"""Sessions in Redis. What is one step for a caller is one step there: a script, sent once, in one round trip."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from redis.asyncio import Redis, RedisCluster

from handshake_prompt.protocol.errors import StoreUnavailableError, VersionConflictError
from handshake_prompt.protocol.events import Event
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.rate_limit import Quota
from handshake_prompt.stores.base import (
    PLAIN_VISIT,
    PRESENCE_SECONDS,
    Claim,
    Loaded,
    Receipt,
    Record,
    SessionStore,
    Visit,
    Wake,
    owner_digest,
)
from handshake_prompt.stores.codec import pack, pack_session

from . import checks, replies, scripts
from .address import Address
from .breaker import Outage
from .client import Client
from .clock import ServerClock
from .connect import adopter, connect
from .keys import Keys
from .scripts import Run, Script

T = TypeVar("T", bound=replies.Told)

PREFIX = "hpp"
PRESENCE_BATCH = 100

logger = logging.getLogger(__name__)


class RedisStore(SessionStore):
    """Keeps sessions in Redis: one server, one that Sentinel watches over, or a Cluster.

    What is bound to an event loop, connections and the listener for wake-ups, is opened at first use in that loop and
    closed by `aclose` there; after that it is opened anew by `ready` only, so that late callers leave nothing behind.

    Args:
        url: `redis://user:password@host:port/db`, `unix:///path`, `redis+sentinel://host,host/service` or
            `redis+cluster://host,host`; `rediss...` for TLS, with options such as `?ssl_ca_certs=/path`.
            `?prefix=` names the keys' prefix.
        client: a client to use instead of a URL. It is left open, and what it would retry is not retried.
        prefix: what all keys and channels begin with; `hpp` unless the URL says otherwise.
        limits: bounds on the logs and receipts of a session.

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
    ) -> None:
        if (url is None) == (client is None):
            raise ValueError("A RedisStore is opened with either a URL or a client")
        address = None if url is None else Address.parse(url)
        self._connect = adopter(client) if address is None else partial(connect, address)
        self._where = type(client).__name__ if address is None else str(address)
        self._keys = Keys(prefix or (address and address.prefix) or PREFIX)
        self._limits = limits or Limits()
        self._clock = ServerClock()
        self._outage = Outage()
        self._clients: dict[asyncio.AbstractEventLoop, Client] = {}
        self._checked = False

    def __repr__(self) -> str:
        return f"<RedisStore {self._where} prefix={self._keys.prefix!r}>"

    def now(self) -> float:
        return self._clock.now()

    async def ready(self) -> None:
        client = self._client(reopen=True)
        if not self._checked:
            self._check(await client.run(lambda link, by: link.info(by=by)), cluster=client.link.cluster)
        await self._run(scripts.NOW, [self._keys.counter("ready")], told=replies.told)

    async def create(self, record: Record) -> None:
        session = record.session
        if session.owner is not None:
            gone_at = record.purge_at + max(0.0, session.deadline - record.expires_at)
            key = self._keys.owner(owner_digest(session.owner))
            await self._run(scripts.OWN, [key], session.session_id, gone_at, told=replies.told)
        keys = self._keys.saved(session.session_id)[:2]
        created = await self._run(scripts.CREATE, keys, pack(_head(record)), pack_session(session), told=replies.kept)
        if not created.done:
            raise VersionConflictError

    async def load(self, session_id: str, *, after: int | None = None, key: str | None = None) -> Loaded | None:
        return await self.visit(session_id, Visit(after=after, key=key))

    async def visit(
        self, session_id: str, visit: Visit = PLAIN_VISIT, *, claims: Sequence[Claim] = ()
    ) -> Loaded | None:
        asked = {"claims": claims, "renew": visit.renew, "after": visit.after, "key": visit.key}
        counters = [self._keys.counter(f"{claim.counter}:{session_id}") for claim in claims]
        keys = [*self._keys.saved(session_id), self._keys.presence(session_id), *counters]
        visited = await self._run(scripts.VISIT, keys, pack(asked), told=replies.visited)
        return visited.loaded(claims, after=visit.after)

    async def save(self, record: Record, *, events: Sequence[Event] = (), receipt: Receipt | None = None) -> None:
        session_id = record.session.session_id
        asked: dict[str, Any] = {
            "head": _head(record),
            "ended": bool(record.session.ended),
            "channel": self._keys.channel(session_id),
            "log_events": self._limits.log_events,
            "log_bytes": self._limits.log_bytes,
            "receipt_bytes": self._limits.idempotency_bytes,
        }
        if events:
            asked |= {"last": events[-1].seq, "log_gain": sum(event.size for event in events)}
        if receipt is not None:
            asked |= {"key": receipt.key, "size": len(receipt.reply), "lifetime": receipt.lifetime}
        parts = [pack_session(record.session), pack(receipt), *(pack((event.size, event)) for event in events)]
        keys = self._keys.saved(session_id)
        saved = await self._run(scripts.SAVE, keys, pack(asked), *parts, told=replies.kept)
        if not saved.done:
            raise VersionConflictError
        record.version += 1
        record.expires_at, record.purge_at = saved.expires, saved.purge

    async def touch(self, session_id: str, *, expires_at: float, purge_at: float) -> None:
        keys = self._keys.saved(session_id)
        await self._run(scripts.TOUCH, keys, expires_at, purge_at, told=replies.told)

    async def hit(self, counter: str, *, limit: int, window: float) -> Quota:
        hit = await self._run(scripts.HIT, [self._keys.counter(counter)], limit, window, told=replies.hit)
        return hit.counted.quota(limit=limit, window=window)

    async def owned(self, owner: Any) -> Sequence[str]:
        key = self._keys.owner(owner_digest(owner))
        command = ("ZRANGEBYSCORE", key, self.now(), "+inf")
        found = await self._client().call(key, lambda link, by: link.call(key, *command, by=by))
        return sorted(session_id.decode("utf-8", "surrogatepass") for session_id in found)

    async def follow(self, session_id: str, wake: Wake) -> None:
        await self._client().follow(session_id, wake)

    def unfollow(self, session_id: str, wake: Wake) -> None:
        if (client := self._clients.get(asyncio.get_running_loop())) is not None:
            client.wake_ups.unfollow(session_id, wake)

    async def present(self, worker: str, watchers: Mapping[str, int]) -> None:
        runs: list[Run] = [
            ([self._keys.session(session_id), self._keys.presence(session_id)], [worker, count, PRESENCE_SECONDS])
            for session_id, count in watchers.items()
        ]
        for start in range(0, len(runs), PRESENCE_BATCH):
            await self._run_all(scripts.PRESENT, runs[start : start + PRESENCE_BATCH])

    async def aclose(self) -> None:
        if (client := self._clients.get(asyncio.get_running_loop())) is not None:
            await client.aclose()

    def _client(self, *, reopen: bool = False) -> Client:
        """Return what there is in this event loop, which is opened if need be."""
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None or (client.closed and reopen):
            self._clients = {one: its for one, its in self._clients.items() if not one.is_closed()}
            client = self._clients[loop] = Client(self._connect(), self._outage, self._keys)
        return client

    async def _run(
        self,
        script: Script,
        keys: Sequence[bytes],
        *arguments: bytes | str | float,
        told: Callable[[bytes], T],
    ) -> T:
        """Run a script, and return what it told, from which the time is learnt."""
        asked = self._clock.monotonic()
        reply = await self._client().call(keys[0], lambda link, by: script.run(link, keys, *arguments, by=by))
        answer = told(reply)
        self._clock.learn(answer.now, asked=asked)
        return answer

    async def _run_all(self, script: Script, runs: Sequence[Run]) -> None:
        await self._client().run(lambda link, by: script.run_all(link, runs, by=by))

    def _check(self, info: Mapping[str, str], *, cluster: bool) -> None:
        if checks.too_old(info):
            logger.error("Redis is too old: it has to be %d.%d or newer", *checks.OLDEST)
            raise StoreUnavailableError
        self._checked = True
        for warning in checks.warnings(info, cluster=cluster):
            logger.warning(warning)


def _head(record: Record) -> dict[str, Any]:
    """Return what the scripts have to know of a record, named as in `Keys`."""
    session = record.session
    return {
        "v": record.version,
        "e": record.expires_at,
        "p": record.purge_at,
        "t": session.ttl,
        "d": session.deadline,
        "by": session.proofs,
    }
