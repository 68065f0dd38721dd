"""What is compared, by the name `--only` takes. Each scenario returns rows of the table."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.results import Row
from benchmarks.run import Run

from . import (
    expiry,
    fan_out,
    generator,
    imports,
    many_sessions,
    memory,
    pacing,
    requests,
    scale,
    slow_reader,
    stores,
)

Scenario = Callable[[Run], list[Row]]

SCENARIOS: dict[str, Scenario] = {
    "context": requests.context,
    "action": requests.action,
    "session": requests.session,
    "fan-out": fan_out.fan_out,
    "many-sessions": many_sessions.many_sessions,
    "watcher-memory": memory.watcher,
    "session-memory": memory.session,
    "scale": scale.scale,
    "expiry": expiry.expiry,
    "pacing": pacing.pacing,
    "redis": stores.redis,
    "sqlite": stores.sqlite,
    "slow-reader": slow_reader.slow_reader,
    "import": imports.imports,
    "generator": generator.generator,
}
