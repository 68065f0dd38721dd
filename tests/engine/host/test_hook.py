"""One hook: how it is called, how long it is waited for, and what it cannot do to its caller."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import logging
import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from handshake_prompt.engine.host import hook as hook_module
from handshake_prompt.engine.host.hook import Hook
from tests.support.clock import ManualClock
from tests.support.hooks import STYLES, written
from tests.support.virtual_time import in_virtual_time, loop_time


@pytest.fixture
def patience() -> Iterator[threading.Event]:
    """Return what plain hooks hang on, until the test is over."""
    event = threading.Event()
    yield event
    event.set()


async def value_of(function: Callable[..., Any], *, within: float = 5.0) -> Any:
    """Return what a hook answers in time."""
    value, error = await Hook(function)(within=within)
    assert error is None
    return value


async def error_of(function: Callable[..., Any] | Hook, *, within: float = 5.0) -> BaseException | None:
    """Return what a call ends in instead of an answer."""
    hook = function if isinstance(function, Hook) else Hook(function)
    value, error = await hook(within=within)
    assert value is None
    return error


async def test_a_plain_hook_runs_in_a_thread_and_an_async_one_on_the_loop() -> None:
    loops = threading.get_ident()
    threads: list[int] = []
    for style in STYLES:
        await value_of(written(lambda: threads.append(threading.get_ident()), style))
    assert threads[0] == loops != threads[1]


class AsyncCall:
    async def __call__(self, *_: object) -> bool:
        return False


async def refuses(*_: object) -> bool:
    return False


FORMS: dict[str, Callable[..., Any]] = {
    "an object with an async call": AsyncCall(),
    "a partial of an async function": functools.partial(refuses, None),
    "a plain function that returns an awaitable": lambda *_: refuses(),
    "a bound method": AsyncCall().__call__,
}


@pytest.mark.parametrize("hook", FORMS.values(), ids=FORMS)
async def test_every_form_of_callable_is_a_hook(hook: Callable[..., Any]) -> None:
    assert await value_of(hook) is False


host = contextvars.ContextVar("host", default="lost")


@pytest.mark.parametrize("style", STYLES)
async def test_a_hook_sees_the_context_variables_of_its_request(style: str) -> None:
    host.set("tenant-7")
    seen: list[str] = []
    await value_of(written(lambda: seen.append(host.get()), style))
    assert seen == ["tenant-7"]


# Late


@in_virtual_time
async def test_an_answer_that_comes_late_is_none_even_of_a_hook_that_does_not_let_itself_be_cancelled() -> None:
    """It is not waited for, either."""
    went_on: list[float] = []

    async def stubborn() -> bool:
        ends_at = loop_time() + 5
        while (left := ends_at - loop_time()) > 0:
            try:
                await asyncio.sleep(left)
            except asyncio.CancelledError:
                went_on.append(loop_time() - began)
        return True

    began = loop_time()
    assert isinstance(await error_of(stubborn, within=2), TimeoutError)
    assert loop_time() - began == pytest.approx(2)
    await asyncio.sleep(10)
    assert went_on == [pytest.approx(2)]


@in_virtual_time
async def test_an_answer_is_late_after_its_time_though_nothing_could_interrupt_it() -> None:
    async def blocks() -> bool:
        loop = asyncio.get_running_loop()
        later = loop.time() + 3
        loop.time = lambda: later  # type: ignore[method-assign]
        return True

    assert isinstance(await error_of(blocks, within=2), TimeoutError)


@in_virtual_time
async def test_i11_calls_that_never_end_are_bounded_and_the_hook_is_called_again_when_they_have() -> None:
    called = 0
    end = asyncio.Event()

    async def immortal() -> None:
        nonlocal called
        called += 1
        while not end.is_set():
            try:
                await end.wait()
            except asyncio.CancelledError:
                continue

    hook = Hook(immortal)
    for _ in range(hook_module.LEFT_BEHIND + 5):
        assert isinstance(await error_of(hook, within=0.01), TimeoutError)
    assert called == hook_module.LEFT_BEHIND
    end.set()
    await asyncio.sleep(1)
    assert await error_of(hook) is None


async def test_i11_hanging_threads_are_bounded(monkeypatch: pytest.MonkeyPatch, patience: threading.Event) -> None:
    monkeypatch.setattr(hook_module, "THREADS", 2)
    monkeypatch.setattr(hook_module, "LEFT_BEHIND", 2)
    called: list[int] = []

    def hangs() -> None:
        called.append(1)
        patience.wait(5)

    hook = Hook(hangs)
    async with asyncio.timeout(4):
        for _ in range(8):
            assert isinstance(await error_of(hook, within=0.03), TimeoutError)
        assert len(called) == 4
        began = time.monotonic()
        assert isinstance(await error_of(hook, within=4), TimeoutError)
        assert time.monotonic() - began < 2
        assert await value_of(lambda: True) is True
        patience.set()
        while await error_of(hook, within=1) is not None:
            await asyncio.sleep(0.01)


# What it raises

ERRORS: list[type[BaseException]] = [
    RuntimeError,
    SystemExit,
    KeyboardInterrupt,
    GeneratorExit,
    asyncio.CancelledError,
    BaseException,
    StopIteration,
]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("kind", ERRORS)
async def test_nothing_that_a_hook_raises_goes_beyond_its_call(kind: type[BaseException], style: str) -> None:
    def fail() -> None:
        raise kind("x")

    error = await error_of(written(fail, style))
    assert isinstance(error, RuntimeError if kind is StopIteration else kind)
    assert await value_of(written(lambda: 1, style)) == 1


@in_virtual_time
async def test_a_request_that_is_cancelled_ends_although_its_hook_does_not() -> None:
    started = asyncio.Event()

    async def stubborn() -> None:
        started.set()
        for _ in range(2):
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                continue

    request = asyncio.create_task(Hook(stubborn)(within=300))
    await started.wait()
    began = loop_time()
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    assert loop_time() - began == pytest.approx(hook_module.FAREWELL)
    await asyncio.sleep(200)


# What it holds up


async def test_an_async_hook_that_holds_the_loop_is_named_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = ManualClock()
    monkeypatch.setattr(hook_module, "time", SimpleNamespace(perf_counter=clock))

    async def blocks(*_: object) -> None:
        await asyncio.sleep(0)
        clock.advance(0.3)

    async def waits(*_: object) -> None:
        for _step in range(9):
            clock.advance(0.2)
            asyncio.get_running_loop().call_soon(clock.advance, 60)
            await asyncio.sleep(0)

    assert await value_of(waits) is None
    assert caplog.records == []
    assert await value_of(blocks) is None
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "blocks held the event loop for 300 ms" in record.getMessage()


async def test_an_async_hook_hears_of_errors_and_cancellation_as_under_any_await() -> None:
    heard: list[str] = []
    started = asyncio.Event()

    async def hook(*_: object) -> None:
        try:
            await asyncio.wait_for(asyncio.Event().wait(), 0.01)
        except TimeoutError:
            heard.append("timeout")
        try:
            started.set()
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            heard.append("cancelled")
            raise

    request = asyncio.create_task(value_of(hook))
    await started.wait()
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    assert heard == ["timeout", "cancelled"]
