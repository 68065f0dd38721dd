"""What work costs: time of the processor alone, so that a busy machine does not count."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


def cpu_time(work: Callable[..., Any], *arguments: Any) -> float:
    """Return the seconds that a call takes on this thread."""
    began = time.thread_time()
    work(*arguments)
    return time.thread_time() - began
