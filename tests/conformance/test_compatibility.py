"""SPEC.md section 13: a page and an agent that know nothing newer than version 0.2."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

import httpx
from websockets.asyncio.client import connect

from tests.support.peer import PATIENCE


async def test_hpp_129_clients_of_version_0_2_work_unchanged(conformance_url: str) -> None:
    parts = urlsplit(conformance_url)
    base = f"{parts.scheme}://{parts.netloc}"
    schema = [{"key": "name", "label": "Name", "type": "str", "required": True}, {"key": "n", "type": "int"}]
    async with httpx.AsyncClient(timeout=PATIENCE) as page, httpx.AsyncClient(timeout=PATIENCE) as agent:
        body = {"mode": "form-fill", "schema": schema, "context": {"n": 1}}
        session = (await page.post(f"{conformance_url}/session", json=body)).json()
        sid, token = session["sessionId"], {"X-Handshake-Token": session["token"]}
        context = (await agent.get(f"{conformance_url}/context/{sid}", headers=token)).json()
        assert (context["mode"], context["schema"], context["missing"]) == ("form-fill", schema, ["name"])
        assert {name: context["context"]["n"][name] for name in ("value", "by")} == {"value": 1, "by": "user"}

        socket = f"{base.replace('http', 'ws', 1)}{session['wsUrl']}?token={session['token']}"
        cookie = "; ".join(f"{name}={value}" for name, value in page.cookies.items())
        async with connect(socket, additional_headers={"Cookie": cookie}, open_timeout=PATIENCE) as watcher:
            assert json.loads(await watcher.recv())["type"] == "connected"
            action = {"actions": [{"type": "set", "key": "name", "value": "A"}], "stream": True, "intervalMs": 10}
            reply = (await agent.post(f"{conformance_url}/action/{sid}", json=action, headers=token)).json()
            assert (reply["ok"], reply["applied"], reply["rejected"]) == (True, ["name"], [])
            assert (reply["errors"], reply["missing"], reply["broadcast"]["clients"]) == ([], [], 1)
            shown, done = json.loads(await watcher.recv()), json.loads(await watcher.recv())
            assert (shown["type"], shown["key"], shown["value"]) == ("action", "name", "A")
            assert (done["type"], done["applied"], done["rejected"], done["missing"]) == ("done", 1, [], [])
            await watcher.send(json.dumps({"type": "userEdit", "key": "name", "value": "B"}))
            assert (await page.post(base + session["notifyUrl"], json={"key": "n", "value": 2})).json()["ok"] is True

        query = {"since": context["context"]["n"]["at"], "token": session["token"]}
        diff = (await agent.get(f"{conformance_url}/diff/{sid}", params=query)).json()
        assert [(one["key"], one["to"], one["by"]) for one in diff["changes"]] == [
            ("name", "A", "ai"),
            ("name", "B", "user_edit"),
            ("n", 2, "user"),
        ]
        longer = await agent.post(f"{conformance_url}/session/{sid}/extend", json={"extraSeconds": 60}, headers=token)
        assert (longer.json()["ok"], longer.json()["extended"]) == (True, 60)
        refused = await agent.get(f"{conformance_url}/context/{sid}", headers={"X-Handshake-Token": "wrong"})
        assert (refused.status_code, isinstance(refused.json()["error"], str)) == (403, True)
