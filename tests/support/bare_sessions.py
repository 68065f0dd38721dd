"""Sessions of an application that is called as a server calls it, without a client."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from handshake_prompt import HandshakeApp
from handshake_prompt.protocol.credentials import Credential
from tests.support.held import JSON, Answer, Header, ask


def as_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def batch(values: list[tuple[str, Any]]) -> bytes:
    actions = [{"type": "set", "key": key, "value": value} for key, value in values]
    return as_json({"actions": actions, "stream": False})


class Opened(NamedTuple):
    """A session that a request is about."""

    app: HandshakeApp
    session_id: str
    cursor: bytes
    agent: list[Header]
    user: list[Header]

    @property
    def credentials(self) -> tuple[Credential, Credential]:
        """The agent's and the person's."""
        token, cookie = self.agent[0][1].decode(), self.user[0][1].partition(b"=")[2].decode()
        return Credential(token=token), Credential(user_token=cookie)

    def role(self, name: str) -> list[Header]:
        return self.agent if name == "agent" else self.user


async def opened(app: HandshakeApp, body: bytes) -> Opened | Answer:
    answer = await ask(app, "POST", "/session", [JSON, (b"host", b"localhost")], body)
    if answer.status != 200:
        return answer
    made = json.loads(answer.body)
    cookie = answer.headers[b"set-cookie"].partition(b";")[0]
    agent, user = [(b"x-handshake-token", made["token"].encode())], [(b"cookie", cookie)]
    return Opened(app, made["sessionId"], made["cursor"].encode(), agent, user)
