"""A traceback, with all that its frames hold, shows no credential: error trackers send just that to somebody else."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest
from starlette.requests import HTTPConnection, Request

from handshake_prompt import HandshakeApp, HandshakeError, Session
from handshake_prompt.asgi.masking import masked
from handshake_prompt.modes import DEFAULT_HANDLERS, DefaultHandler
from handshake_prompt.texts.secret import MASK, Secret, SecretBytes
from tests.conftest import FORM, Open
from tests.support.in_process import open_in_process
from tests.support.parts import absent
from tests.support.peer import Peer

ACTION = {"type": "set", "key": "name", "value": "x"}
TOKEN = "q1W2e3R4t5Y6u7I8o9P0_-aSdFgHjKlZ"


class BrokenError(RuntimeError):
    """A fault nobody foresaw."""


# The values


def test_a_secret_is_its_text_everywhere_but_in_its_repr() -> None:
    secret = Secret(TOKEN)
    assert (secret, str(secret), f"{secret}", secret.encode()) == (TOKEN, TOKEN, TOKEN, TOKEN.encode())
    assert TOKEN not in repr([secret, {"a": secret}])
    assert secret[:4] == TOKEN[:4]


def test_secret_bytes_are_their_bytes_everywhere_but_in_their_repr() -> None:
    secret = SecretBytes(TOKEN.encode())
    assert (secret, secret.decode(), bytes(secret)) == (TOKEN.encode(), TOKEN, TOKEN.encode())
    assert repr(secret) == repr(MASK.encode())


def test_a_scope_keeps_its_values_and_shows_none_of_its_credentials() -> None:
    held = {
        b"authorization": f"Bearer {TOKEN}",
        b"cookie": f"hpp_{'0' * 32}={TOKEN}; login=alice",
        b"x-handshake-token": TOKEN,
        b"x-handshake-user-token": TOKEN,
        b"sec-websocket-protocol": f"hpp.v1, hpp.bearer.{TOKEN}",
        b"accept": "text/plain",
    }
    headers = [(name, value.encode()) for name, value in held.items()]
    query = f"a=b&token={TOKEN}&since=x".encode()
    scope = {"type": "http", "headers": headers, "query_string": query, "subprotocols": ["hpp.v1", f"hpp.user.{TOKEN}"]}
    same = masked({**scope})
    assert same == scope
    assert TOKEN not in repr(same)
    assert "text/plain" in repr(same)
    assert "since=x" in repr(same)
    connection = HTTPConnection(same)
    assert connection.query_params["token"] == connection.headers["x-handshake-token"] == TOKEN
    assert TOKEN not in repr(dict(connection))


# What frames hold


class Raising(DefaultHandler):
    """A mode with a fault in everything it does once a session is open."""

    def context_response(self, session: Session, role: Any) -> dict[str, Any]:
        raise BrokenError

    def set_value(self, *_: Any, **__: Any) -> Any:
        raise BrokenError


class Kept(logging.Handler):
    """Keeps the tracebacks that are logged."""

    def __init__(self) -> None:
        super().__init__()
        self.tracebacks: list[TracebackType] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[2]:
            self.tracebacks.append(record.exc_info[2])


@pytest.fixture
def kept() -> Iterator[Kept]:
    handler = Kept()
    logging.getLogger("handshake_prompt").addHandler(handler)
    yield handler
    logging.getLogger("handshake_prompt").removeHandler(handler)


def shown(value: Any, depth: int = 6) -> Iterator[str]:
    """Yield what an error tracker makes of a value: mappings and sequences entry by entry, all else by its repr."""
    if depth and isinstance(value, Mapping):
        for key in list(value):
            yield repr(key)
            yield from shown(value[key], depth - 1)
    elif depth and isinstance(value, list | tuple | set | frozenset):
        for entry in value:
            yield from shown(entry, depth - 1)
    else:
        yield repr(value)


def frames(traceback: TracebackType | None) -> Iterator[str]:
    while traceback is not None:
        for name, value in traceback.tb_frame.f_locals.items():
            for text in shown(value):
                yield f"{traceback.tb_frame.f_code.co_qualname} {name}: {text}"
        traceback = traceback.tb_next


def leaks(kept: Kept, secrets: Iterable[str]) -> list[str]:
    assert kept.tracebacks, "nothing has failed"
    return [text for one in kept.tracebacks for text in frames(one) for secret in secrets if secret in text]


def secrets_of(peer: Peer) -> list[str]:
    return [peer.token, peer.cookie.partition("=")[2]]


@pytest.mark.parametrize("place", ["header", "bearer", "query", "cookie", "user header"])
async def test_no_frame_of_a_failed_request_holds_a_credential(kept: Kept, place: str) -> None:
    hpp = HandshakeApp(mode_handlers={**DEFAULT_HANDLERS, "broken": Raising()})
    peer = await open_in_process(hpp, {"mode": "broken", "userToken": True})
    secret = peer.created["userToken"]
    places: dict[str, dict[str, Any]] = {
        "header": {"headers": {"X-Handshake-Token": peer.token}},
        "bearer": {"headers": {"Authorization": f"Bearer {peer.token}"}},
        "query": {"headers": {}, "params": {"token": peer.token}},
        "cookie": {"headers": {"Cookie": peer.cookie}},
        "user header": {"headers": {"X-Handshake-User-Token": secret}},
    }
    assert (await peer.send("GET", "context", **places[place])).status_code == 500
    assert leaks(kept, [peer.token, secret]) == []


@pytest.mark.parametrize("hook", ["create", "action", "extend"])
async def test_no_frame_of_a_failed_hook_holds_a_credential(kept: Kept, hook: str) -> None:
    hpp = HandshakeApp()
    peer = await open_in_process(hpp, FORM)

    async def broken(*args: Any) -> None:
        request: Request = args[-1]
        raise BrokenError(request.url.path)

    {"create": hpp.on_create_session, "action": hpp.on_action, "extend": hpp.on_extend}[hook](broken)
    both = {**peer.as_agent, **peer.as_user}
    if hook == "create":
        await peer.http.post("/handshake/session", json={}, headers=both)
    elif hook == "action":
        await peer.http.post(
            peer.created["actionUrl"], json={"actions": [{"type": "set", "key": "name"}]}, headers=both
        )
    else:
        await peer.http.post(peer.created["extendUrl"], json={}, headers=both)
    assert leaks(kept, secrets_of(peer)) == []


@pytest.mark.parametrize("method", ["create", "load", "save"])
async def test_no_frame_of_a_failed_store_holds_a_credential(
    kept: Kept, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hpp = HandshakeApp(prompt=True)
    peer = await open_in_process(hpp, {})
    minted: list[str] = []

    def noted() -> Secret:
        minted.append(f"minted-{len(minted)}-{TOKEN}")
        return Secret(minted[-1])

    for module in ("engine.creation", "engine.operations.sessions"):
        monkeypatch.setattr(f"handshake_prompt.{module}.mint_token", noted)

    async def broken(*_: Any, **__: Any) -> Any:
        raise BrokenError

    monkeypatch.setattr(hpp.engine.store, method, broken)
    requests = {
        "create": lambda: peer.http.post("/handshake/session", json={}),
        "load": lambda: peer.http.post("/handshake/session", json={}, headers=peer.as_user),
        "save": lambda: peer.user("POST", "rotate", {"prompt": True}),
    }
    assert (await requests[method]()).status_code == 500
    assert minted
    assert leaks(kept, [*secrets_of(peer), *minted]) == []


@pytest.mark.parametrize("method", ["load", "save"])
async def test_no_frame_of_a_failed_exchange_holds_a_code_or_a_token(
    kept: Kept, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hpp = HandshakeApp()
    peer = await open_in_process(hpp, {**FORM, "pickup": True})
    offer, key = peer.created["pickup"], "a-client-s-own-key"

    async def broken(*_: Any, **__: Any) -> Any:
        raise BrokenError

    monkeypatch.setattr(hpp.engine.store, method, broken)
    assert (await peer.http.get(f"{offer['url']}/{key}")).status_code == 500
    assert (await peer.http.post(offer["url"].lower(), headers={"Idempotency-Key": key})).status_code == 500
    code = offer["code"]
    assert leaks(kept, [code, code.replace("-", ""), code.lower(), key]) == []


async def test_no_frame_of_a_failed_prompt_for_a_code_holds_its_token(kept: Kept) -> None:
    tokens: list[str] = []

    def build(created: Any, *_: Any, **__: Any) -> str:
        tokens.append(created["token"])
        if len(tokens) == 1:
            return "a prompt"
        raise BrokenError

    peer = await open_in_process(HandshakeApp(prompt=build), {**FORM, "pickup": True})
    assert (await peer.http.get(peer.created["pickup"]["url"])).status_code == 500
    assert len(tokens) == 2
    assert leaks(kept, [*tokens, peer.created["pickup"]["code"]]) == []


async def test_no_frame_of_a_failed_watcher_holds_a_credential(pair: Open, kept: Kept) -> None:
    peer = await pair(HandshakeApp(mode_handlers={**DEFAULT_HANDLERS, "broken": Raising()}), {"mode": "broken"})
    for headers, query in (({}, f"token={peer.token}"), (peer.as_user, "")):
        async with peer.watch(headers=headers, query=query) as page:
            assert (await page.closed())[0] == 4500
    async with peer.watch(role="agent") as agent:
        assert (await agent.closed())[0] == 4500
    assert leaks(kept, secrets_of(peer)) == []


async def test_an_error_in_a_host_s_view_takes_no_credential_along() -> None:
    hpp = HandshakeApp()
    peer = await open_in_process(hpp, FORM)
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "query_string": b"",
        "headers": [(b"cookie", f"{peer.cookie}x".encode())],
    }
    with pytest.raises(HandshakeError) as refused:
        await hpp.read_as_user(Request(scope), peer.session_id)
    held = [text for text in frames(refused.tb) if "handshake_prompt" in text or "Credential" in text]
    assert [text for text in held if peer.cookie.partition("=")[2] in text] == []


SENTRY = """
import asyncio, json, sys
import httpx, sentry_sdk
from sentry_sdk.scrubber import DEFAULT_DENYLIST, EventScrubber
from sentry_sdk.transport import Transport
from starlette.applications import Starlette
from handshake_prompt import HandshakeApp

sent = []


class Keeping(Transport):
    def capture_envelope(self, envelope):
        sent.extend(item.payload.json for item in envelope.items if item.type == "event")


denylist = [*DEFAULT_DENYLIST, "x-handshake-token", "x-handshake-user-token"]
sentry_sdk.init("https://key@sentry.invalid/1", transport=Keeping, event_scrubber=EventScrubber(denylist=denylist))
hpp = HandshakeApp()


@hpp.on_action
async def broken(session, action, request):
    raise RuntimeError("a fault of the host's")


host = Starlette()
hpp.mount_on(host)


async def main():
    async with httpx.AsyncClient(transport=httpx.ASGITransport(host), base_url="http://127.0.0.1") as http:
        created = (await http.post("/handshake/session", json={"userToken": True})).json()
        headers = [
            {"X-Handshake-Token": created["token"]},
            {"Authorization": "Bearer " + created["token"]},
        ]
        for one in headers:
            one["X-Handshake-User-Token"] = created["userToken"]
            body = {"actions": [{"type": "set", "key": "a", "value": 1}]}
            await http.post(created["actionUrl"], json=body, headers=one)
    print(json.dumps({"secrets": [created["token"], created["userToken"]], "events": sent}))


asyncio.run(main())
"""


def test_sentry_is_sent_no_credential() -> None:
    if not find_spec("sentry_sdk"):
        absent("sentry-sdk", "pip install sentry-sdk")
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SENTRY],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        cwd=Path(__file__).parents[2],
    )
    told = json.loads(run.stdout)
    events = json.dumps(told["events"])
    assert len(told["events"]) >= 2
    assert "a fault of the host" in events
    assert [secret for secret in told["secrets"] if secret in events] == []
