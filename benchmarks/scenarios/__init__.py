"""What is compared, by the name `--only` takes. Each scenario returns rows of the table."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.results import Row
from benchmarks.run import Run

from . import requests

Scenario = Callable[[Run], list[Row]]

SCENARIOS: dict[str, Scenario] = {
    "context": requests.context,
    "action": requests.action,
    "session": requests.session,
}
