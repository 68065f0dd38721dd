"""Fixtures that every test may ask for."""

from __future__ import annotations

import gc
import os
import shutil
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from contextlib import AsyncExitStack, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
from starlette.applications import Starlette
from starlette.types import ASGIApp

from handshake_prompt import HandshakeApp, Limits, SessionStore, open_store
from tests.support import selection
from tests.support.cost import traced_at_first, untraced
from tests.support.parts import absent
from tests.support.peer import Peer, open_session
from tests.support.serving import serving
from tests.support.stores import KINDS, fresh_url

if TYPE_CHECKING:
    from tests.support.redis_servers import RedisServer

for profile, examples in {"brief": 25, "thorough": 150}.items():
    hypothesis.settings.register_profile(
        profile,
        max_examples=examples,
        deadline=None,  # an example may take its time on a machine that does other things too
        suppress_health_check=[hypothesis.HealthCheck.too_slow],
        derandomize="CI" in os.environ,  # there a change is judged, and by nothing that comes and goes
    )
hypothesis.settings.load_profile("brief")  # `--hypothesis-profile=thorough` looks longer

CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-features=WebMCP",
]

FORM = {
    "mode": "form-fill",
    "schema": [
        {"key": "name", "label": "Name", "type": "string", "required": True},
        {"key": "age", "label": "Age", "type": "integer", "min": 0, "max": 150},
        {"key": "email", "label": "E-mail", "type": "email"},
        {"key": "iban", "label": "Account", "type": "string", "sensitive": True},
        {"key": "plan", "label": "Plan", "type": "enum", "options": [{"value": "basic"}, {"value": "pro"}]},
        {"key": "number", "label": "Customer number", "type": "string", "readOnly": True},
    ],
}
"""A small form with one field of each kind that is treated in a way of its own."""

ROWS_FORM = {
    "mode": "form-fill",
    "schema": [
        {"key": "name"},
        {
            "key": "lines",
            "type": "rows",
            "fields": [
                {"key": "text"},
                {"key": "amount", "type": "integer", "default": 1},
                {"key": "iban", "sensitive": True},
                {"key": "bags", "type": "rows", "fields": [{"key": "kg", "type": "integer"}]},
            ],
        },
    ],
}
"""A form with a list of rows, and one within each row."""

Open = Callable[..., Awaitable[Peer]]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--hpp-store", choices=KINDS, default="memory", help="the store of all tests that do not bring one of their own"
    )
    parser.addoption("--all", action="store_true", help="run the tests marked `integration` as well")


def pytest_configure() -> None:
    """Let the programs that tests start be interrupted, and start quickly, whatever started the tests.

    A shell's background job ignores SIGINT, and so does all that it starts. Without bytecode, each of some hundred
    programs would compile the package again.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@pytest.hookimpl(wrapper=True, optionalhook=True)
def pytest_xdist_auto_num_workers() -> Generator[None, int, int]:
    """Run tests in one process more than there are cores: a quarter of their time they wait."""
    return (yield) + 1


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    selection.settle(config)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    return selection.is_left_out(collection_path, config) or None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep the garbage collector from half a million objects that stay: it needs a third of a second for them."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    selection.check_names(items)
    selection.mark(items)
    selection.sort_out(items, config)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    with nullcontext() if selection.is_measured(item) else untraced():
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    with traced_at_first(getattr(item, "obj", None)):
        yield


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None]:
    yield  # pytest's own closing line comes first
    selection.report(session.config)


@pytest.fixture(autouse=True)
def default_store(request: pytest.FixtureRequest) -> None:
    """Have `memory://` stand for an empty store of the kind that was asked for with `--hpp-store`.

    Async, it would give an event loop to every test, and most have no use for one.
    """
    if request.config.getoption("--hpp-store") != "memory":
        request.getfixturevalue("other_default_store")


@pytest.fixture
async def other_default_store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[None]:
    """Open a store of the kind that was asked for wherever one in memory is opened, and close it in the end."""
    kind = request.config.getoption("--hpp-store")
    opened: list[SessionStore] = []

    def open_instead(url: str, limits: Limits | None = None) -> SessionStore:
        if url == "memory://":
            url = fresh_url(kind, tmp_path_factory.mktemp("store"), lambda: request.getfixturevalue("redis"))
        opened.append(open_store(url, limits))
        return opened[-1]

    monkeypatch.setattr("handshake_prompt.engine.engine.open_store", open_instead)
    yield
    for store in opened:
        await store.aclose()


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis that keeps nothing beyond the test run."""
    from tests.support.redis_servers import redis_server  # noqa: PLC0415 - needs redis-py, and most tests need no Redis

    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
async def serve() -> AsyncIterator[Callable[..., Awaitable[str]]]:
    """Return `await serve(app)`, which serves any ASGI application for the length of the test and returns its URL."""
    async with AsyncExitStack() as stack:

        async def start(app: ASGIApp, **options: Any) -> str:
            return await stack.enter_async_context(serving(app, **options))

        yield start


@pytest.fixture
async def pair(serve: Callable[..., Awaitable[str]]) -> AsyncIterator[Open]:
    """Return `await pair(hpp, body)`: a session of a freshly served `HandshakeApp`, mounted at /handshake.

    Further calls with the same application open further sessions of the same server.
    """
    urls: dict[int, str] = {}
    async with AsyncExitStack() as stack:

        async def pair_up(hpp: HandshakeApp | None = None, body: dict[str, Any] | None = None) -> Peer:
            hpp = hpp or HandshakeApp()
            if id(hpp) not in urls:
                host = Starlette()
                hpp.mount_on(host)
                urls[id(hpp)] = await serve(host)
            peer = await open_session(urls[id(hpp)], FORM if body is None else body)
            stack.push_async_callback(peer.http.aclose)
            return peer

        yield pair_up


@pytest.fixture(scope="session")
def chromium() -> str:
    """Return the path of a real Chromium; Playwright drives it with `CHROMIUM_ARGS`."""
    path = os.environ.get("HPP_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        absent("Chromium", "apt-get install chromium, or set HPP_CHROMIUM to its path")
    return str(path)


@pytest.fixture(scope="session")
def headless_chromium(chromium: str) -> str:
    """Return the path of Chromium's headless shell, where there is one: it opens a page in a third of the time."""
    return os.environ.get("HPP_CHROMIUM") or shutil.which("chromium-headless-shell") or chromium
