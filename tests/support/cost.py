"""What work costs: time of the processor alone, so that a busy machine does not count."""

from __future__ import annotations

import functools
import gc
import inspect
import itertools
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

TRACED_EXAMPLES = 25
"""As many as there are where Hypothesis is to be brief: each module is covered by these."""


class Cost:
    """`seconds` of the processor that a thread has spent, once it is known."""

    seconds = 0.0


@contextmanager
def untraced() -> Iterator[None]:
    """Measure no coverage meanwhile, here and on threads that begin: what runs often was covered the first time."""
    trace, of_threads = sys.gettrace(), threading.gettrace()
    sys.settrace(None)
    threading.settrace(None)
    try:
        yield
    finally:
        threading.settrace(of_threads)
        sys.settrace(trace)


@contextmanager
def traced_at_first(test: Callable[..., Any] | None) -> Iterator[None]:
    """Measure coverage of the first examples that Hypothesis gives a test, and of none that it thinks of later."""
    handle, trace = getattr(test, "hypothesis", None), sys.gettrace()
    if handle is None or trace is None:
        yield
        return
    inner, examples = handle.inner_test, itertools.count(1)

    def begin() -> None:
        if next(examples) > TRACED_EXAMPLES:
            sys.settrace(None)

    @functools.wraps(inner)
    def plain(*given: Any, **named: Any) -> Any:
        begin()
        return inner(*given, **named)

    @functools.wraps(inner)
    async def awaited(*given: Any, **named: Any) -> Any:
        begin()
        return await inner(*given, **named)

    handle.inner_test = awaited if inspect.iscoroutinefunction(inner) else plain
    try:
        yield
    finally:
        handle.inner_test = inner
        sys.settrace(trace)


@contextmanager
def counting_cost() -> Iterator[Cost]:
    """Count what this thread spends meanwhile; neither the garbage of others nor measuring coverage is counted."""
    cost, collecting = Cost(), gc.isenabled()
    gc.disable()
    try:
        with untraced():
            began = time.thread_time()
            try:
                yield cost
            finally:
                cost.seconds = time.thread_time() - began
    finally:
        if collecting:
            gc.enable()


def cpu_time(work: Callable[..., Any], *arguments: Any) -> float:
    """Return the seconds that a call takes on this thread."""
    with counting_cost() as cost:
        work(*arguments)
    return cost.seconds


def python_calls(work: Callable[..., Any], *arguments: Any) -> int:
    """Return how many Python functions a call runs: what it costs on any machine."""
    count = 0

    def profile(_: FrameType, event: str, __: Any) -> None:
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        work(*arguments)
    finally:
        sys.setprofile(before)
    return count
