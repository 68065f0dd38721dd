"""A worker that is killed while many clients exchange one code: one of them is given the prompt, whoever answers."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from handshake_prompt import parse_prompt
from tests.support.peer import open_session, patient_client
from tests.support.stores import KINDS, fresh_url
from tests.support.workers import Worker, working

CLIENTS, KILL_AFTER = 64, 8


@dataclass
class Exchanges:
    """Clients of two workers, the first of which is killed once some have been answered."""

    workers: tuple[Worker, Worker]
    path: str
    answered: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    prompts: list[str] = field(default_factory=list)

    async def client(self, number: int) -> None:
        """Exchange the code under a key of this client's, at the other worker if the first one is gone."""
        headers = {"Idempotency-Key": f"client-{number}"}
        async with patient_client() as http:
            try:
                reply = await http.post(self.workers[number % 2].url + self.path, headers=headers)
            except httpx.TransportError:
                reply = await http.post(self.workers[1].url + self.path, headers=headers)
        self.statuses[reply.status_code] += 1
        if reply.status_code == 200:
            self.prompts.append(reply.text)
        self.answered += 1
        if self.answered == KILL_AFTER:
            self.workers[0].kill()


@pytest.mark.parametrize("kind", KINDS[1:])
async def test_one_client_is_given_the_prompt_though_a_worker_is_killed(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    store = fresh_url(kind, tmp_path, lambda: request.getfixturevalue("redis"))
    first, second = Worker(store), Worker(store)
    with working(first, second):
        peer = await open_session(second.url, {"pickup": True})
        exchanges = Exchanges((first, second), httpx.URL(peer.created["pickup"]["url"]).path)
        await asyncio.gather(*map(exchanges.client, range(CLIENTS)))
        assert exchanges.statuses == {200: 1, 409: CLIENTS - 1}
        token = parse_prompt(exchanges.prompts[0]).token
        assert (await peer.send("GET", "context", headers={"X-Handshake-Token": token})).status_code == 200
        told = (await peer.context(role="user"))["pickup"]
        assert (told["taken"], told["refused"] >= CLIENTS // 2) == (True, True)
        await peer.http.aclose()
