"""A process that writes until it is killed, and says what was acknowledged.

Run as `python -m tests.support.sqlite_writer FILE SESSION...`. For each line on its input it forks such a writer, which
costs no start-up time; the store is opened before the fork, as by servers that load the application first. It prints
`start PID`, a line `SESSION SEQ` for each save that was acknowledged, and `dead` when the writer is gone.
"""

from __future__ import annotations

import asyncio
import os
import sys

from handshake_prompt.protocol.credentials import Role
from handshake_prompt.session import Turn
from handshake_prompt.stores import Receipt
from handshake_prompt.stores.sqlite import SQLiteStore


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())  # one call, so that a line is there whole or not at all


async def write(store: SQLiteStore, name: str) -> None:
    """Append to a session's log for ever."""
    while True:
        loaded = await store.load(name)
        if loaded is None:
            raise LookupError(name)
        record = loaded.record
        record.session = record.session.checkout(Turn(Role.AGENT, now=1e9))
        record.session.write("field", "x" * 100)
        events = record.session.commit()
        seq = record.session.seq
        await store.save(record, events=events, receipt=Receipt(f"key {seq}", "f", b"{}", 600))
        say(f"{name} {seq}")


async def write_all(store: SQLiteStore, names: list[str]) -> None:
    async with asyncio.TaskGroup() as group:
        for name in names:
            group.create_task(write(store, name))


def main(path: str, *names: str) -> None:
    store = SQLiteStore(path)
    for _ in sys.stdin:
        writer = os.fork()
        if not writer:
            say(f"start {os.getpid()}")
            asyncio.run(write_all(store, list(names)))
        os.waitpid(writer, 0)
        say("dead")


if __name__ == "__main__":
    main(*sys.argv[1:])
