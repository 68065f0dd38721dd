"""Sessions that all expire at once: prints, as JSON, how long the event loop was held while they were swept.

Its argument is their number. The clock the store is given leaps once all are there, and the store's own sweep finds
them. A task that asks for its turn again and again sees how much time, of the processor and on the wall, passes between
two turns.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time

from handshake_prompt import Limits, MemoryStore, ProtocolEngine

UNBOUNDED = 1_000_000_000
LEAP = 1e6
PATIENCE = 60.0
BODY = {
    "mode": "form-fill",
    "schema": [{"key": f"f{number}", "type": "string"} for number in range(10)],
    "context": {f"f{number}": f"value {number}" for number in range(10)},
}


async def main(count: int) -> dict[str, float]:
    """Open sessions, let them expire, and return the longest hold of the loop in milliseconds."""
    leap = 0.0
    limits = Limits(sessions=UNBOUNDED, creates_per_address=UNBOUNDED)
    store = MemoryStore(limits, clock=lambda: time.monotonic() + leap)
    engine = ProtocolEngine(store=store, limits=limits)
    gc.disable()  # opening them is not what is timed
    for _ in range(count):
        await engine.create_session(BODY)
    gc.enable()
    await asyncio.sleep(0)
    leap = LEAP
    held_cpu = held = 0.0
    until = time.monotonic() + PATIENCE
    cpu, wall = time.thread_time(), time.perf_counter()
    while len(store) and time.monotonic() < until:
        await asyncio.sleep(0)
        cpu_now, wall_now = time.thread_time(), time.perf_counter()
        held_cpu, held = max(held_cpu, cpu_now - cpu), max(held, wall_now - wall)
        cpu, wall = cpu_now, wall_now
    return {"cpu": held_cpu * 1000, "wall": held * 1000, "left": len(store)}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(int(sys.argv[1])))))
