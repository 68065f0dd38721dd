"""The conformance suite: what SPEC.md demands, asked of a server over HTTP and WebSocket alone.

Point it at any server with `--hpp-url http://127.0.0.1:8000/handshake` or the environment variable
`HPP_CONFORMANCE_URL`; without either it starts one of ours over each kind of store. All requests come from one
address, so the server needs room for them: at least 1000 creations, wrong credentials and wrong codes a minute and
address (`Limits(creates_per_address=1000, wrong_tokens_per_address=1000, wrong_codes_per_address=1000)`); everything
else as SPEC.md section 10 has it.
What can only be seen with small limits or with a policy of the host is asked of a server of ours (`local`) and is
skipped when the suite is pointed at another one.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from anyio.from_thread import start_blocking_portal

from tests.support.peer import PATIENCE, Peer
from tests.support.serving import serving
from tests.support.stores import EACH_KIND, fresh_url

MOUNT = "/handshake"
TLS = ssl.create_default_context()
ROOM = {"creates_per_address": 100_000, "wrong_tokens_per_address": 100_000, "wrong_codes_per_address": 100_000}

FORM: dict[str, Any] = {
    "mode": "form-fill",
    "schema": [
        {"key": "name", "type": "string", "required": True},
        {"key": "age", "type": "integer"},
        {"key": "city", "type": "string"},
        {"key": "iban", "type": "string", "sensitive": True},
        {"key": "number", "type": "string", "readOnly": True},
    ],
}

OPERATIONS: list[tuple[str, str, Any]] = [
    ("GET", "session", None),
    ("GET", "context", None),
    ("GET", "diff", None),
    ("POST", "action", {"actions": []}),
    ("POST", "notify", {"key": "name", "value": "A"}),
    ("POST", "extend", {"extraSeconds": 60}),
    ("POST", "paste", {"text": '{"fields": {"name": "A"}}'}),
    ("POST", "ask", {"text": "Which one?"}),
    ("POST", "revert", {"all": True}),
    ("POST", "pickup", {}),
    ("POST", "rotate", {}),
    ("DELETE", "session", None),
]
"""Every request that names a session: method, URL member without `Url`, a body that is in order."""

Open = Callable[..., Awaitable[Peer]]


@dataclass(frozen=True)
class Local:
    """A server of ours with limits or policies of its own.

    `drain` makes it send its watchers elsewhere; `reject` makes what a hook raises to give a reason.
    """

    url: str
    open: Open = field(repr=False)
    drain: Callable[[], Awaitable[None]] = field(repr=False)
    reject: Callable[[str], Exception] = field(repr=False)


Start = Callable[..., Awaitable[Local]]
EmptyStore = Callable[[], str]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--hpp-url", help="the mount of the server to test, such as http://127.0.0.1:8000/handshake")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Ask everything of a server of ours over each kind of store, or once of the server that was pointed at."""
    if "kind" in metafunc.fixturenames:
        kinds = ["other"] if _foreign_url(metafunc.config) else EACH_KIND
        metafunc.parametrize("kind", kinds, scope="session")


@pytest.fixture(scope="session")
def foreign_url(pytestconfig: pytest.Config) -> str | None:
    """The URL the suite was pointed at, None if it tests a server of ours."""
    return _foreign_url(pytestconfig)


@pytest.fixture(scope="session")
def empty_store(kind: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> EmptyStore:
    """Return `empty_store()`: the URL of a store with nothing in it."""
    folder = tmp_path_factory.mktemp("stores")
    return lambda: fresh_url(kind, folder, lambda: request.getfixturevalue("redis"))


@pytest.fixture(scope="session")
def conformance_url(foreign_url: str | None, empty_store: EmptyStore) -> Iterator[str]:
    """The mount of the server under test."""
    if foreign_url:
        yield foreign_url
        return
    application = _application({}, {}, {"store": empty_store()})
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(serving(application)) as url:
        yield url + MOUNT


@pytest.fixture
async def pair(conformance_url: str) -> AsyncIterator[Open]:
    """Return `await pair(body)`: a new session of the server under test, a `FORM` if no body is given."""
    parts = urlsplit(conformance_url)
    async with _opener(f"{parts.scheme}://{parts.netloc}", parts.path) as open_one:
        yield open_one


@pytest.fixture
async def local(foreign_url: str | None, empty_store: EmptyStore) -> AsyncIterator[Start]:
    """Return `await local(limits, hooks, **options)`: a server of ours with these limits, hooks, forms and options."""
    async with AsyncExitStack() as stack:

        async def start(
            limits: dict[str, float] | None = None,
            hooks: dict[str, Callable[..., Any]] | None = None,
            forms: dict[str, dict[str, Any]] | None = None,
            **options: Any,
        ) -> Local:
            if foreign_url:
                pytest.skip("needs limits or policies of its own, and the suite was pointed at another server")
            application = _application(limits or {}, hooks or {}, {"store": empty_store()} | options, forms or {})
            url = await stack.enter_async_context(serving(application))
            open_one = await stack.enter_async_context(_opener(url, MOUNT))
            return Local(url + MOUNT, open_one, application.state.drain, application.state.reject)

        yield start


def _foreign_url(config: pytest.Config) -> str | None:
    url: str | None = config.getoption("--hpp-url", default=None) or os.environ.get("HPP_CONFORMANCE_URL")
    return url.rstrip("/") if url else None


@asynccontextmanager
async def _opener(base_url: str, mount: str) -> AsyncIterator[Open]:
    # One client and one TLS context for all sessions of a test: making them takes longer than most tests. A connection
    # for each request: on one that is kept, delayed acknowledgements can hold up every reply for 40 ms.
    once = httpx.Limits(max_keepalive_connections=0)
    async with httpx.AsyncClient(timeout=PATIENCE, verify=TLS, limits=once) as http:

        async def open_one(body: dict[str, Any] | None = None) -> Peer:
            reply = await http.post(f"{base_url}{mount}/session", json=FORM if body is None else body)
            assert reply.status_code == 200, reply.text
            http.cookies.clear()
            return Peer(base_url, reply.json(), reply.headers["set-cookie"].partition(";")[0], http)

        yield open_one


def _application(
    limits: dict[str, float],
    hooks: dict[str, Callable[..., Any]],
    options: dict[str, Any],
    forms: dict[str, dict[str, Any]] | None = None,
) -> Any:
    # Imported here, and only here: pointed at another server, the suite needs nothing of the package.
    from starlette.applications import Starlette  # noqa: PLC0415

    from handshake_prompt import HandshakeApp, Limits, Reject  # noqa: PLC0415

    application = Starlette()
    hpp = HandshakeApp(limits=Limits().replace(**(ROOM | limits)), **options)
    for name, hook in hooks.items():
        getattr(hpp, name)(hook)
    for name, form in (forms or {}).items():
        hpp.form(name, **form)
    hpp.mount_on(application, MOUNT)
    application.state.drain, application.state.reject = hpp.engine.drain, Reject
    return application
