"""No secret in a log, an error, a repr, or a URL we mint (I9), and nothing of interest lost with it."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from handshake_prompt import Credential, HandshakeApp, ProtocolEngine, Session, parse_prompt
from handshake_prompt.protocol.bodies import Action
from tests.conftest import FORM, Open
from tests.support.in_process import open_in_process
from tests.support.peer import PATIENCE, Peer, Socket, open_session
from tests.support.sessions import record_of

TRACE = 5
"""Below DEBUG: uvicorn writes whole ASGI messages at this level."""
SENSITIVE = "DE89-CANARY-0130-00"


@pytest.fixture
def everything(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Record what every logger says, whatever its level."""
    names = ["", "handshake_prompt", "uvicorn", "uvicorn.access", "uvicorn.error", "uvicorn.asgi", "websockets"]
    levels = {name: logging.getLogger(name).level for name in names}
    for name in names:
        caplog.set_level(TRACE, name)
    yield caplog
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


async def credentials_in_every_place(peer: Peer) -> list[str]:
    """Use a session's credentials wherever they can stand; return all secrets that were about."""
    secret = peer.cookie.partition("=")[2]
    await peer.edit("iban", SENSITIVE)
    places: list[tuple[dict[str, str], str]] = [
        ({"X-Handshake-Token": peer.token}, ""),
        ({"Authorization": f"Bearer {peer.token}"}, ""),
        ({}, f"?token={peer.token}"),
        ({}, f"?a=b&token={peer.token}&since=x"),
        ({"X-Handshake-User-Token": secret}, ""),
        ({"Cookie": peer.cookie}, ""),
        ({"Cookie": f"a=b; {peer.cookie}; c=d"}, ""),
    ]
    url = peer.base_url + peer.created["diffUrl"]
    for headers, query in places:
        await peer.http.get(url + query, headers=headers)
        await peer.http.post(url + query, headers=headers)
        await peer.http.get(url.replace(peer.session_id, "0" * 32) + query, headers=headers)
        await socket(peer, headers, query)
    for name in (f"hpp.bearer.{peer.token}", f"hpp.user.{secret}"):
        await socket(peer, {}, "", "hpp.v1", name)
    await peer.http.post(f"{peer.base_url}/handshake/session", json={}, headers=peer.as_user)
    codes = await codes_in_every_place(peer)
    rotated = (await peer.user("POST", "rotate", {"prompt": True})).json()["token"]
    await peer.agent("GET", "context", params={"token": rotated})
    await peer.user("DELETE", "session")
    return [peer.token, secret, rotated, SENSITIVE, *codes]


async def codes_in_every_place(peer: Peer) -> list[str]:
    """Exchange codes of pickups wherever they can stand; return them, and what came of it."""
    offer = (await peer.user("POST", "pickup", {})).json()["pickup"]
    base, _, code = offer["url"].rpartition("/")
    key = "a-key-0123"
    paths = (f"{code}/{key}", f"{code.lower()}/{key}?a=b", f"{code.replace('-', '')}/{key}", f"{code}%20/{key}")
    tokens = [parse_prompt((await peer.http.get(f"{base}/{path}")).text).token for path in paths]
    await peer.http.get(f"{base.replace('pickup', 'p%69ckup')}/{code}")
    await peer.http.get(f"{base}/{code}/{key}/more")
    return [code, code.lower(), code.replace("-", ""), key, *tokens]


async def socket(peer: Peer, headers: dict[str, str], query: str, *subprotocols: str) -> None:
    url = peer.base_url.replace("http", "ws", 1) + peer.created["wsUrl"] + query
    offered = [Subprotocol(name) for name in subprotocols] or None
    async with connect(
        url, additional_headers=headers, subprotocols=offered, open_timeout=PATIENCE, close_timeout=1
    ) as connection:
        await Socket(connection).next("connected")


def server_lines(records: list[logging.LogRecord]) -> str:
    """Return what the server's side wrote; the test's own clients write to `httpx` and `websockets.client`."""
    formatter = logging.Formatter("%(name)s %(message)s")
    theirs = ("httpx", "httpcore", "websockets.client", "asyncio")
    return "\n".join(formatter.format(record) for record in records if not record.name.startswith(theirs))


@pytest.mark.parametrize("implementation", ["websockets-sansio", "wsproto"])
async def test_i9_no_credential_is_in_any_log_of_a_real_server_at_any_level(
    serve: Any, everything: pytest.LogCaptureFixture, implementation: str
) -> None:
    """I9, with each of the server's WebSocket implementations."""
    host = Starlette()
    HandshakeApp().mount_on(host)
    url = await serve(host, ws=implementation, log_level=TRACE)
    peer = await open_session(url, FORM)
    secrets = await credentials_in_every_place(peer)
    await peer.http.aclose()
    lines = server_lines(everything.records)
    for secret in secrets:
        assert secret not in lines, next(line for line in lines.splitlines() if secret in line)
    assert peer.created["diffUrl"] in lines, "nothing was written that could have told"
    assert "[redacted]" in lines


async def test_i9_no_credential_is_in_the_log_of_a_failure(everything: pytest.LogCaptureFixture) -> None:
    """I9."""
    hpp = HandshakeApp(prompt=True)

    @hpp.on_action
    async def broken(_session: Session, _action: Action, _request: object) -> bool:
        raise RuntimeError("broken")

    @hpp.on_extend
    def odd(_session: Session, _seconds: int, _request: object) -> str:
        return "nonsense"

    peer = await open_in_process(hpp, FORM)
    assert (await peer.act({"iban": SENSITIVE}))["rejected"] == ["iban"]
    assert (await peer.agent("POST", "extend", {})).status_code == 403
    lines = server_lines(everything.records)
    assert "broken" in lines
    assert "odd answered" in lines
    for secret in (peer.token, peer.cookie.partition("=")[2], SENSITIVE):
        assert secret not in lines


async def test_i9_no_credential_is_in_an_error(pair: Open) -> None:
    """I9."""
    peer = await pair()
    secret = peer.cookie.partition("=")[2]
    wrong = "W" * 32
    responses = [
        await peer.send("GET", "context", headers={"X-Handshake-Token": wrong}),
        await peer.send("GET", "context", params={"token": wrong}),
        await peer.send("GET", "context", headers={"Authorization": f"Bearer {wrong}"}),
        await peer.user("POST", "action", {"actions": []}),
        await peer.agent("POST", "notify", {"key": "name", "value": SENSITIVE}),
        await peer.agent("POST", "action", {"actions": [peer.token]}),
        await peer.agent("POST", "action", {"actions": [{"type": peer.token, "key": SENSITIVE}]}),
        await peer.user("POST", "notify", {"key": secret, "value": 1}),
        await peer.agent("GET", "diff", params={"wait": peer.token}),
        await peer.user("POST", "rotate", {"prompt": {"language": secret}}),
    ]
    for response in responses:
        text = response.text if response.status_code != 200 else json.dumps(response.json()["errors"])
        assert wrong not in text
        assert secret not in text.replace(f'"key": "{secret}"', "")
        assert response.status_code >= 400 or peer.token not in text.replace(f"'{peer.token}'", "")


async def test_i9_a_sensitive_value_is_in_nothing_the_agent_is_sent(pair: Open) -> None:
    """I9: the person's secrets, in the replies to an agent's requests and on its socket."""
    peer = await pair()
    async with peer.watch(role="agent") as agent:
        frames = [await agent.next("connected")]
        await peer.edit("iban", SENSITIVE)
        frames.append(await agent.next("edit"))
        actions = [{"type": "set", "key": "iban", "value": "mine"}, {"type": "set", "key": "name", "value": "x"}]
        texts = [
            (await peer.agent("POST", "action", {"actions": actions})).text,
            (await peer.agent("GET", "context")).text,
            (await peer.agent("GET", "diff")).text,
            (await peer.agent("GET", "session")).text,
        ]
        frames += await agent.until("done")
    assert SENSITIVE not in "".join(texts)
    assert SENSITIVE not in json.dumps(frames)
    assert SENSITIVE in (await peer.user("GET", "context")).text


async def test_i9_no_credential_is_in_a_repr() -> None:
    """I9."""
    engine = ProtocolEngine()
    reply = await engine.create_session({"userToken": True})
    token, user_token = reply[0]["token"], reply[0]["userToken"]
    credential = Credential(token=token, user_token=user_token, address="203.0.113.7")
    record = await record_of(engine.store, reply[0]["sessionId"])
    for thing in (reply, credential, record, record.session, engine, engine.store, parse_prompt):
        assert token not in repr(thing)
        assert user_token not in repr(thing)
        assert record.session.token_digest not in repr(thing)
        assert record.session.user_digest not in repr(thing)


async def test_i9_no_url_we_mint_has_a_credential_in_it() -> None:
    """I9."""
    peer = await open_in_process(HandshakeApp(), {**FORM, "prompt": True, "userToken": True})
    secrets = (peer.token, peer.created["userToken"])
    urls = [value for name, value in peer.created.items() if name.endswith("Url")]
    urls += re.findall(r"(?:https?|wss?)://[^\s'\"<>]+", peer.created["prompt"])
    assert len(urls) > 10
    for url in urls:
        assert "token" not in url
        assert not any(secret in url for secret in secrets)
    assert peer.created["userToken"] not in peer.created["prompt"], "the prompt is the agent's"
    assert peer.created["token"] in peer.created["prompt"]


async def test_only_digests_of_credentials_are_kept() -> None:
    hpp = HandshakeApp()
    peer = await open_in_process(hpp, FORM)
    await peer.act({"name": "x"})
    record = await record_of(hpp.engine.store, peer.session_id)
    kept = [str(getattr(record.session, name)) for name in record.session.__struct_fields__]
    for secret in (peer.token, peer.cookie.partition("=")[2]):
        assert not any(secret in text for text in kept)
