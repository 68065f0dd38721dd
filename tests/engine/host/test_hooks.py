"""The host's hooks: whatever they do, the answer is one of theirs or a refusal, in time, and the log says why."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial
from typing import Any

import pytest

from handshake_prompt import ProtocolEngine
from handshake_prompt.engine.host.hook import Hook
from handshake_prompt.engine.host.hooks import NOBODY, VETOED, Hooks, Reject
from handshake_prompt.protocol.bodies import Action
from handshake_prompt.protocol.errors import ForbiddenError
from handshake_prompt.protocol.messages import Outcome
from handshake_prompt.session import Session
from tests.support.hooks import STYLES, written
from tests.support.sessions import blank_session
from tests.support.virtual_time import in_virtual_time, loop_time

HUGE = 10**5000
SECRET = "password=hunter2"
SESSION = blank_session()
LOGGED_OUT: dict[str, str] = {}


@pytest.fixture
def patience() -> Iterator[threading.Event]:
    """Return what plain hooks hang on, until the test is over."""
    event = threading.Event()
    yield event
    event.set()


def hooks(*, timeout: float = 5.0, batch_timeout: float = 10.0) -> Hooks:
    return Hooks(timeout=timeout, batch_timeout=batch_timeout)


def _raise(error: BaseException) -> Any:
    raise error


ANSWERS: dict[str, Callable[[], Any]] = {
    "True": lambda: True,
    "None": lambda: None,
    "False": lambda: False,
    "0": lambda: 0,
    "1": lambda: 1,
    "600": lambda: 600,
    "-1": lambda: -1,
    "huge": lambda: HUGE,
    "minus huge": lambda: -HUGE,
    "a fraction": lambda: 600.0,
    "a text": lambda: "yes",
    "an object": object,
    "Reject returned": lambda: Reject("not today"),
    "Reject raised": lambda: _raise(Reject("not today")),
    "raises": lambda: _raise(RuntimeError(SECRET)),
    "raises a group": lambda: _raise(ExceptionGroup(SECRET, [ValueError(SECRET)])),
    "raises TimeoutError": lambda: _raise(TimeoutError(SECRET)),
    "raises CancelledError": lambda: _raise(asyncio.CancelledError(SECRET)),
    "raises SystemExit": lambda: _raise(SystemExit(SECRET)),
    "raises KeyboardInterrupt": lambda: _raise(KeyboardInterrupt(SECRET)),
    "raises GeneratorExit": lambda: _raise(GeneratorExit(SECRET)),
    "raises an error below all others": lambda: _raise(BaseException(SECRET)),
    "raises a group below all others": lambda: _raise(BaseExceptionGroup(SECRET, [SystemExit(SECRET)])),
}
GRANTS = {"True", "None"}
REJECTS = {"Reject returned", "Reject raised"}
PLAIN_NOES = {"False", *REJECTS}


def hanging(style: str, patience: threading.Event) -> Callable[..., Any]:
    async def awaited(*_: object) -> None:
        await asyncio.Event().wait()

    def plain(*_: object) -> None:
        patience.wait(5)

    return awaited if style == "async def" else plain


async def asked_to_create(hook: Callable[..., Any], **options: float) -> str | None:
    """Return why the creation is denied, None if it is not."""
    registry = hooks(**options)
    assert registry.on_create_session(hook) is hook
    try:
        await registry.ask_creation(SESSION, None)
    except ForbiddenError as error:
        return error.detail
    return None


async def asked_to_act(hook: Callable[..., Any], **options: float) -> str | None:
    """Return why the action is vetoed, None if it is not."""
    registry = hooks(**options)
    assert registry.on_action(hook) is hook
    (verdict,) = await registry.ask_actions(SESSION, [Action("set", "k", 1)], None)
    return verdict


async def asked_to_extend(hook: Callable[..., Any], **options: float) -> int | str:
    """Return the seconds granted of an hour, or why none are."""
    registry = hooks(**options)
    assert registry.on_extend(hook) is hook
    try:
        return await registry.ask_extension(SESSION, 3600, None)
    except ForbiddenError as error:
        return error.detail


async def told_of_done(hook: Callable[..., Any], **options: float) -> None:
    registry = hooks(**options)
    assert registry.on_done(hook) is hook
    assert registry.wants_done
    await registry.tell_done(SESSION, [Outcome("k", "applied")])


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("asked", [asked_to_create, asked_to_act], ids=["on_create_session", "on_action"])
async def test_a_hook_that_decides_says_yes_with_true_or_none_and_no_with_anything_else(
    asked: Callable[..., Awaitable[str | None]], answer: str, style: str, caplog: pytest.LogCaptureFixture
) -> None:
    expected = None if answer in GRANTS else "not today" if answer in REJECTS else VETOED
    assert await asked(written(ANSWERS[answer], style)) == expected
    assert_named_in_the_log(caplog, needed=answer not in GRANTS | PLAIN_NOES)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("answer", ANSWERS)
async def test_a_hook_that_extends_grants_as_asked_or_caps_and_anything_else_denies(
    answer: str, style: str, caplog: pytest.LogCaptureFixture
) -> None:
    granted = {"True": 3600, "None": 3600, "1": 1, "600": 600, "huge": 3600}.get(answer)
    outcome = await asked_to_extend(written(ANSWERS[answer], style))
    if granted is not None:
        assert outcome == granted
    elif answer in REJECTS:
        assert outcome == "not today"
    else:
        assert isinstance(outcome, str)
        assert "policy" in outcome
    assert_named_in_the_log(caplog, needed=granted is None and answer not in PLAIN_NOES)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("answer", ANSWERS)
async def test_whatever_a_done_hook_answers_changes_nothing_and_its_failure_is_logged(
    answer: str, style: str, caplog: pytest.LogCaptureFixture
) -> None:
    await told_of_done(written(ANSWERS[answer], style))
    assert_named_in_the_log(caplog, needed=answer.startswith("raises"))


def assert_named_in_the_log(caplog: pytest.LogCaptureFixture, *, needed: bool) -> None:
    """Check that an error names the hook, with its traceback where it raised; or that nothing was logged at all."""
    assert bool(caplog.records) is needed
    for record in caplog.records:
        assert (record.levelno, record.name) == (logging.ERROR, "handshake_prompt")
        assert "written.<locals>" in record.getMessage()


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("level", [logging.INFO, logging.DEBUG])
async def test_a_hook_that_finds_nobody_logged_in_denies_quietly(
    style: str, level: int, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(level, "handshake_prompt"):
        assert await asked_to_create(written(lambda: LOGGED_OUT["user_id"], style)) == NOBODY
    (record,) = caplog.records
    assert (record.levelno, bool(record.exc_info)) == (logging.INFO, level == logging.DEBUG)
    assert "Raise Reject" in record.getMessage()


async def test_a_key_error_of_any_other_hook_is_a_failure(caplog: pytest.LogCaptureFixture) -> None:
    assert await asked_to_act(written(lambda: LOGGED_OUT["user_id"], "def")) == VETOED
    assert_named_in_the_log(caplog, needed=True)


DENIALS: dict[str, tuple[Callable[..., Awaitable[Any]], Any]] = {
    "on_create_session": (asked_to_create, VETOED),
    "on_action": (asked_to_act, VETOED),
    "on_extend": (asked_to_extend, "Denied by the server's policy"),
    "on_done": (told_of_done, None),
}


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(("asked", "denial"), DENIALS.values(), ids=DENIALS)
async def test_a_hook_that_hangs_denies_after_its_time_and_is_named_in_the_log(
    asked: Callable[..., Awaitable[Any]],
    denial: Any,
    style: str,
    patience: threading.Event,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with asyncio.timeout(4):
        assert await asked(hanging(style, patience), timeout=0.03) == denial
    (record,) = caplog.records
    assert "hanging.<locals>" in record.getMessage()
    assert record.exc_info


@pytest.mark.parametrize(("asked", "denial"), DENIALS.values(), ids=DENIALS)
async def test_i9_what_a_hook_raises_is_in_the_log_and_never_in_the_refusal(
    asked: Callable[..., Awaitable[Any]], denial: Any, caplog: pytest.LogCaptureFixture
) -> None:
    outcome = await asked(written(ANSWERS["raises"], "def"))
    assert SECRET not in repr(outcome)
    assert outcome == denial
    assert SECRET in caplog.text


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("answer", ANSWERS)
async def test_only_true_proves_a_person(answer: str, style: str, caplog: pytest.LogCaptureFixture) -> None:
    """A page of the host's that redirects to its login returns a response, and a response is no person."""
    assert await hooks().answers_true(Hook(written(ANSWERS[answer], style))) is (answer == "True")
    assert_named_in_the_log(caplog, needed=answer not in {*GRANTS, *PLAIN_NOES})


# In which order, with what, and where


@pytest.mark.parametrize("style", STYLES)
async def test_hooks_of_a_kind_run_in_their_order_until_one_denies(style: str) -> None:
    registry, seen = hooks(), []

    def answering(name: str, answer: Any) -> Callable[[], Any]:
        def answered() -> Any:
            seen.append(name)
            return answer

        return answered

    for name, answer in (("first", None), ("second", Reject("no")), ("third", None)):
        registry.on_action(written(answering(name, answer), style))
    assert await registry.ask_actions(SESSION, [Action(key="a")], None) == ["no"]
    assert seen == ["first", "second"]


async def test_one_hook_caps_what_another_has_capped_before() -> None:
    registry, asked = hooks(), []

    @registry.on_extend
    def first(_: Session, seconds: int, __: object) -> int:
        asked.append(seconds)
        return 1200

    @registry.on_extend
    def second(_: Session, seconds: int, __: object) -> int:
        asked.append(seconds)
        return 1800

    assert await registry.ask_extension(SESSION, 3600, None) == 1200
    assert asked == [3600, 1200]


async def test_each_action_is_judged_by_itself_and_with_the_hosts_request() -> None:
    registry, request = hooks(), object()

    @registry.on_action
    async def protect(session: Session, action: Action, given: object) -> bool:
        assert (session, given) == (SESSION, request)
        return action.key != "iban"

    actions = [Action("set", key) for key in ("name", "iban", "age")]
    assert await registry.ask_actions(SESSION, actions, request) == [None, VETOED, None]
    assert await hooks().ask_actions(SESSION, actions, request) == [None, None, None]


async def test_a_done_hook_hears_what_was_applied_rejected_and_wrong_and_each_hears_it() -> None:
    registry, heard = hooks(), []
    wrong = Outcome("c", "error", "invalid_value")
    registry.on_done(written(lambda: _raise(RuntimeError("first")), "def"))
    registry.on_done(lambda *told: heard.append(told))
    await registry.tell_done(SESSION, [Outcome("a", "applied"), Outcome("b", "rejected", "vetoed"), wrong])
    assert heard == [(SESSION, ["a"], ["b"], [wrong.error()])]
    assert not hooks().wants_done


# How long


@in_virtual_time
async def test_a_batch_is_judged_within_its_time_however_many_actions_and_hooks_there_are() -> None:
    registry, calls = hooks(timeout=4, batch_timeout=10), []

    async def hang(_: Session, action: Action, __: object) -> None:
        calls.append(action.key)
        await asyncio.Event().wait()

    registry.on_action(written(lambda: None, "async def"))
    registry.on_action(hang)
    began = loop_time()
    verdicts = await registry.ask_actions(SESSION, [Action(key=str(number)) for number in range(200)], None)
    assert loop_time() - began == pytest.approx(10)
    assert verdicts == [VETOED] * 200
    assert calls == ["0", "1", "2"]


@in_virtual_time
async def test_what_was_judged_in_time_stands() -> None:
    registry = hooks(timeout=5, batch_timeout=10)

    @registry.on_action
    async def slow(*_: object) -> None:
        await asyncio.sleep(4)

    assert await registry.ask_actions(SESSION, [Action(key="k")] * 4, None) == [None, None, VETOED, VETOED]


def a_generator(*_: object) -> Iterator[None]:
    yield


async def an_async_generator(*_: object) -> AsyncIterator[None]:
    yield


class CallableGenerator:
    """An object that is called as a generator is."""

    def __call__(self, *_: object) -> Iterator[None]:
        yield


NEVER_RUN = {
    "a generator": a_generator,
    "an async one": an_async_generator,
    "a partial one": partial(a_generator, 1),
    "an object": CallableGenerator(),
    "nothing": None,
    "a name": "save",
}


@pytest.mark.parametrize("function", NEVER_RUN.values(), ids=NEVER_RUN)
@pytest.mark.parametrize("kind", ["on_create_session", "on_action", "on_extend", "on_done", "on_submit"])
def test_what_would_never_run_is_no_hook(kind: str, function: Any) -> None:
    hooks = Hooks(timeout=5, batch_timeout=10)
    with pytest.raises(TypeError, match="no generator"):
        getattr(hooks, kind)(function)
    with pytest.raises(TypeError, match="no generator"):
        ProtocolEngine().form("claim", [{"key": "name"}]).on_submit(function)
