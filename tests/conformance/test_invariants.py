"""SPEC.md section 14: what holds while a person and an agent work at the same time."""

from __future__ import annotations

import asyncio

from tests.conformance.conftest import Open


async def test_hpp_130_no_agents_write_comes_after_the_persons_acknowledged_one(pair: Open) -> None:
    peer = await pair({})
    acknowledged: list[int] = []
    async with peer.watch() as page, peer.watch(role="agent") as log:
        await page.next("connected")
        frames = [await log.next("connected")]
        for number in range(10):
            actions = [peer.act({"f": f"agent {number} {n}"}) for n in range(4)]

            async def edit(value: str = f"mine {number}") -> None:
                await page.send({"type": "userEdit", "key": "f", "value": value})
                acknowledged.append((await page.next("ack"))["seq"])

            await asyncio.gather(*actions[:2], edit(), *actions[2:])
            assert (await peer.context(role="user"))["data"]["f"] == f"mine {number}"
            await peer.user("POST", "notify", {"key": "f", "release": True})
        last = (await peer.act({"f": "the end"}))["results"][0]["seq"]
        while frames[-1].get("seq") != last:
            frames.append(await log.next())
    owner = ""
    for frame in frames[1:]:
        if frame["type"] == "action":
            assert owner not in ("user", "user_edit")
        if "key" in frame:
            owner = frame["by"]
    edits = [frame["seq"] for frame in frames[1:] if frame.get("by") in ("user", "user_edit")]
    assert edits == acknowledged


async def test_hpp_131_a_later_write_has_a_higher_number(pair: Open) -> None:
    peer = await pair({})
    numbers: list[int] = []
    async with peer.watch() as page:
        await page.next("connected")
        for number in range(10):
            numbers.append((await peer.act({"a": number}))["results"][0]["seq"])
            numbers.append((await peer.edit("b", number))["seq"])
            await page.send({"type": "userEdit", "key": "c", "value": number})
            numbers.append((await page.next("ack"))["seq"])
    assert numbers == sorted(set(numbers))
    together = await asyncio.gather(*(peer.edit("d", number) for number in range(20)))
    assert sorted(one["seq"] for one in together) == list(range(numbers[-1] + 1, numbers[-1] + 21))


async def test_hpp_132_a_batch_is_queued_to_every_watcher_before_it_is_answered(pair: Open) -> None:
    peer = await pair({})
    async with peer.watch() as page, peer.watch(role="agent") as agent:
        for watcher in (page, agent):
            await watcher.next("connected")
        await peer.act({"a": 1, "b": 2}, stream=True, interval_ms=2000)
        await peer.user("DELETE", "session")
        for watcher in (page, agent):
            _, frames = await watcher.closed()
            assert [frame["type"] for frame in frames] == ["action", "action", "done", "revoked"]
