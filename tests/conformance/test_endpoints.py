"""SPEC.md section 4: sessions, contexts, extensions and rotations, and what HTTP itself asks for; section 1."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import httpx
import pytest

from tests.conformance.conftest import FORM, OPERATIONS, Open, Start
from tests.support.peer import PATIENCE

URLS = ("ws", "session", "context", "action", "diff", "notify", "extend", "rotate")


async def test_hpp_001_unknown_members_are_ignored(pair: Open) -> None:
    peer = await pair(FORM | {"someday": {"a": [1]}})
    replies = [
        await peer.agent("POST", "action", {"actions": [{"type": "set", "key": "name", "value": 1, "x": 2}], "y": 3}),
        await peer.user("POST", "notify", {"key": "city", "value": "Ulm", "someday": True}),
        await peer.agent("POST", "extend", {"extraSeconds": 60, "someday": None}),
        await peer.user("POST", "rotate", {"someday": []}),
    ]
    assert [reply.status_code for reply in replies] == [200] * 4


async def test_hpp_020_a_creation_answers_with_all_that_a_page_needs(pair: Open, conformance_url: str) -> None:
    peer = await pair()
    created = peer.created
    assert created["protocol"] == "1.1"
    assert created["mode"] == "form-fill"
    assert 0 < created["expiresIn"] <= created["maxExpiresIn"]
    assert isinstance(created["cursor"], str)
    assert created["baseUrl"].startswith("http")
    mount = conformance_url.removeprefix(peer.base_url)
    tails = {name: created[f"{name}Url"].removeprefix(mount) for name in URLS if name != "ws"}
    assert tails == {
        "session": f"/session/{peer.session_id}",
        "context": f"/context/{peer.session_id}",
        "action": f"/action/{peer.session_id}",
        "diff": f"/diff/{peer.session_id}",
        "notify": f"/notify/{peer.session_id}",
        "extend": f"/session/{peer.session_id}/extend",
        "rotate": f"/session/{peer.session_id}/rotate",
    }
    assert created["wsUrl"].startswith("/")
    assert created["wsUrl"].endswith(f"/{peer.session_id}")


async def test_hpp_021_an_empty_body_opens_a_session_of_mode_default(pair: Open) -> None:
    peer = await pair({})
    assert peer.created["mode"] == "default"
    assert (await peer.context())["data"] == {}


async def test_hpp_022_data_is_another_name_for_context(pair: Open) -> None:
    by_data = await pair({"mode": "form-fill", "data": {"city": "Ulm"}})
    assert (await by_data.context())["context"]["city"]["value"] == "Ulm"
    both = await pair({"mode": "form-fill", "data": {"city": "Ulm"}, "context": {"city": "Bonn"}})
    assert (await both.context())["context"]["city"]["value"] == "Bonn"


async def test_hpp_023_an_unknown_mode_is_default_unless_a_schema_needs_it(pair: Open, conformance_url: str) -> None:
    peer = await pair({"mode": "device-pair", "data": {"a": 1}})
    context = await peer.context()
    assert (context["mode"], context["data"]) == ("device-pair", {"a": 1})
    assert (await peer.act({"b": 2}))["applied"] == ["b"]
    reply = await peer.http.post(f"{conformance_url}/session", json=FORM | {"mode": "device-pair"})
    assert (reply.status_code, reply.json()["code"]) == (400, "unknown_mode")


@pytest.mark.parametrize("role", ["agent", "user"])
async def test_hpp_024_the_status_tells_who_asks_and_how_the_session_stands(pair: Open, role: str) -> None:
    peer = await pair()
    async with peer.watch() as page:
        await page.next("connected")
        reply = await (peer.agent if role == "agent" else peer.user)("GET", "session")
    status = reply.json()
    assert 0 < status.pop("expiresIn") <= status.pop("maxExpiresIn")
    assert status == {
        "sessionId": peer.session_id,
        "mode": "form-fill",
        "role": role,
        "watchers": 1,
        "cursor": peer.created["cursor"],
    }


@pytest.mark.parametrize(("mode", "own"), [("form-fill", {"schema", "missing"}), ("default", {"data"})])
async def test_hpp_025_the_context_has_the_common_members_and_the_modes_own(
    pair: Open, mode: str, own: set[str]
) -> None:
    peer = await pair({"mode": mode, "context": {"a": 1}, "meta": {"page": "order"}})
    context = await peer.context()
    assert set(context) == {"sessionId", "mode", "role", "context", "meta", "expiresIn", "cursor", "digest"} | own
    assert (context["sessionId"], context["mode"], context["role"]) == (peer.session_id, mode, "agent")
    assert (context["meta"], context["context"]["a"]["value"]) == ({"page": "order"}, 1)
    assert (context.get("data", {"a": 1}), context.get("schema", [])) == ({"a": 1}, [])


async def test_hpp_026_a_value_knows_its_author_its_time_and_the_change_that_wrote_it(pair: Open) -> None:
    peer = await pair({"data": {"given": 1}})
    written = await peer.act({"first": "x"})
    edited = await peer.edit("second", "y")
    context = (await peer.context())["context"]
    times = {key: record.pop("at") for key, record in context.items()}
    assert context == {
        "given": {"value": 1, "by": "default", "rev": 0},
        "first": {"value": "x", "by": "ai", "rev": written["results"][0]["seq"]},
        "second": {"value": "y", "by": "user", "rev": edited["seq"]},
    }
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00", at) for at in times.values())
    assert times["given"] < times["first"] < times["second"]


async def test_hpp_045_an_extension_adds_what_was_asked_for_until_nothing_is_left(pair: Open) -> None:
    peer = await pair()
    first = (await peer.agent("POST", "extend", {"extraSeconds": 600})).json()
    assert (first["ok"], first["extended"]) == (True, 600)
    assert first["expiresIn"] == pytest.approx(peer.created["expiresIn"] + 600, abs=PATIENCE)
    most = peer.created["maxExpiresIn"]
    second = (await peer.user("POST", "extend", {"extraSeconds": 86_400})).json()
    assert second["extended"] == pytest.approx(most - first["expiresIn"], abs=PATIENCE)
    assert second["expiresIn"] == pytest.approx(most, abs=PATIENCE)
    third = await peer.agent("POST", "extend", {"extraSeconds": 60})
    assert (third.status_code, third.json()["code"]) == (409, "lifetime_exhausted")


async def test_hpp_046_an_extension_is_a_whole_number_within_bounds(pair: Open) -> None:
    peer = await pair()
    for seconds in ("0", "-1", "86401", "1.5", '"60"', "true", "null", "[60]", "1e400", "{}"):
        reply = await peer.http.post(
            peer.base_url + peer.created["extendUrl"],
            headers=peer.as_agent | {"Content-Type": "application/json"},
            content=f'{{"extraSeconds": {seconds}}}',
        )
        assert (seconds, reply.status_code) == (seconds, 400)
    assert (await peer.agent("GET", "session")).json()["expiresIn"] <= peer.created["expiresIn"]


async def test_hpp_047_host_policy_caps_and_denies_extensions(local: Start) -> None:
    def policy(_session: Any, seconds: int, _request: Any) -> int | bool:
        return False if seconds > 1000 else 100

    server = await local(hooks={"on_extend": policy})
    peer = await server.open()
    capped = await peer.agent("POST", "extend", {"extraSeconds": 600})
    denied = await peer.agent("POST", "extend", {"extraSeconds": 6000})
    assert capped.json()["extended"] == 100
    assert (denied.status_code, denied.json()["code"]) == (403, "extend_denied")


async def test_hpp_048_a_rotation_makes_the_old_token_worthless(pair: Open, local: Start) -> None:
    peer = await pair()
    reply = (await peer.user("POST", "rotate", {})).json()
    old = await peer.agent("GET", "context")
    new = await peer.send("GET", "context", headers={"X-Handshake-Token": reply["token"]})
    assert (reply["ok"], reply["token"] != peer.token) == (True, True)
    assert (old.status_code, old.json()["code"], new.status_code) == (403, "invalid_token", 200)
    assert (await peer.user("GET", "context")).status_code == 200

    deciding, decided = asyncio.Event(), asyncio.Event()

    async def think(*_: Any) -> None:
        deciding.set()
        await decided.wait()

    peer = await (await local(hooks={"on_action": think})).open()
    body = {"actions": [{"type": "set", "key": "name", "value": "A"}]}
    under_way = asyncio.create_task(peer.agent("POST", "action", body))
    async with asyncio.timeout(PATIENCE):
        await deciding.wait()
    await peer.user("POST", "rotate", {})
    decided.set()
    assert (await under_way).json()["code"] == "invalid_token"
    assert (await peer.context(role="user"))["context"] == {}


async def test_hpp_049_head_is_get_without_the_body(pair: Open, conformance_url: str) -> None:
    peer = await pair()
    plain = [conformance_url + path for path in ("/", "/client.js", "/openapi.json")]
    for url in plain + [peer.base_url + peer.created[f"{name}Url"] for name in ("session", "context", "diff")]:
        for headers in (peer.as_agent, {}):
            get = await peer.http.get(url, headers=headers)
            head = await peer.http.head(url, headers=headers)
            assert (head.status_code, head.content) == (get.status_code, b"")
            assert head.headers["content-type"] == get.headers["content-type"]


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/session", {"POST"}),
        ("/session/{sid}", {"GET", "HEAD", "DELETE"}),
        ("/context/{sid}", {"GET", "HEAD"}),
        ("/action/{sid}", {"POST"}),
        ("/client.js", {"GET", "HEAD"}),
    ],
)
async def test_hpp_050_options_names_the_methods_to_anyone(
    pair: Open, conformance_url: str, path: str, methods: set[str]
) -> None:
    peer = await pair()
    reply = await peer.http.options(conformance_url + path.format(sid=peer.session_id))
    assert (reply.status_code, reply.content) == (204, b"")
    assert set(reply.headers["allow"].split(", ")) == methods | {"OPTIONS"}


async def test_hpp_051_another_method_is_refused_and_the_right_ones_are_named(pair: Open, conformance_url: str) -> None:
    peer = await pair()
    wrong = {"session": "PUT", "context": "POST", "action": "GET", "notify": "DELETE", "diff": "PATCH"}
    replies = [await peer.agent(method, name) for name, method in wrong.items()]
    replies.append(await peer.http.get(f"{conformance_url}/session"))
    for reply in replies:
        assert (reply.status_code, reply.json()["code"]) == (405, "method_not_allowed")
        assert reply.headers["allow"]


async def test_hpp_052_there_is_nothing_at_other_paths(pair: Open, conformance_url: str) -> None:
    peer = await pair()
    sid = peer.session_id
    for path in ("/nothing", "/context", f"/context/{sid}/more", f"/sessions/{sid}", f"/session/{sid}/nothing"):
        for method in ("GET", "POST"):
            reply = await peer.http.request(method, conformance_url + path, headers=peer.as_agent)
            assert (reply.status_code, reply.json()["code"]) == (404, "not_found")


async def test_hpp_053_a_trailing_slash_makes_no_difference(pair: Open, conformance_url: str) -> None:
    peer = await pair()
    assert (await peer.http.post(f"{conformance_url}/session/", json={})).status_code == 200
    for name in URLS:
        peer.created[f"{name}Url"] += "/"
    replies = {}
    for method, name, body in OPERATIONS:
        send = peer.agent if name in ("action", "ask") else peer.user
        replies[method, name] = (await send(method, name, body)).status_code
        if name == "extend":
            async with peer.watch() as page:
                assert (await page.next())["type"] == "connected"
    assert set(replies.values()) == {200}


async def test_hpp_054_no_cache_keeps_what_is_answered(pair: Open, conformance_url: str) -> None:
    peer = await pair()
    replies = [
        await peer.http.post(f"{conformance_url}/session", json={}),
        await peer.agent("GET", "context"),
        await peer.agent("POST", "action", {"actions": []}),
        await peer.send("GET", "context"),
        await peer.http.get(f"{conformance_url}/nothing"),
    ]
    for reply in replies:
        assert reply.headers["cache-control"] == "no-store"
        assert reply.headers["x-content-type-options"] == "nosniff"


async def test_hpp_055_what_a_server_sends_is_ascii(pair: Open) -> None:
    peer = await pair()
    text = "Zo\u00eb \u4e2d\u6587 \U0001f600 \u2028"
    async with peer.watch() as page:
        await page.next("connected")
        reply = await peer.agent("POST", "action", {"actions": [{"type": "set", "key": "name", "value": text}]})
        frame = await page.recv()
    diff = await peer.agent("GET", "diff")
    assert reply.content.isascii()
    assert diff.content.isascii()
    assert str(frame).isascii()
    assert (reply.json()["context"]["name"]["value"], diff.json()["changes"][0]["to"]) == (text, text)


async def test_hpp_056_the_mount_tells_what_is_served_there(conformance_url: str) -> None:
    # The host may redirect to its mount's slash.
    async with httpx.AsyncClient(timeout=PATIENCE, follow_redirects=True) as http:
        for mount in (conformance_url, f"{conformance_url}/"):
            index = (await http.get(mount)).json()
            links = {name: await http.get(httpx.URL(mount).join(path)) for name, path in index["links"].items()}
            assert index["protocol"] == "1.1"
            assert all(bound > 0 for bound in index["limits"].values())
            assert links["session"].status_code == 405
            assert links["client"].headers["content-type"].startswith("text/javascript")
            assert links["openapi"].json()["openapi"].startswith("3.")


async def test_hpp_303_a_module_is_kept_below_its_own_versions_digest_alone(conformance_url: str) -> None:
    async with httpx.AsyncClient(timeout=PATIENCE) as http:
        entry = httpx.URL(f"{conformance_url}/client.js")
        own = entry.join(re.findall('from "([^"]+)"', (await http.get(entry)).text)[0])
        digest = re.findall("/modules/([^/]+)/", own.path)[0]
        other = own.copy_with(path=own.path.replace(digest, "".join("0f"[char == "0"] for char in digest)))
        kept = await http.get(own)
        replies = [await http.get(url) for url in (entry, other)]
    assert kept.headers["cache-control"].split(", ")[-1] == "immutable"
    assert [(reply.status_code, reply.headers["cache-control"]) for reply in replies] == [(200, "no-cache")] * 2
    assert all(reply.headers["etag"] for reply in replies)
    assert replies[1].text == kept.text


async def test_hpp_133_a_context_that_is_known_is_not_sent_again(pair: Open) -> None:
    peer = await pair()
    tag = (await peer.agent("GET", "context")).headers["etag"]
    known = await peer.agent("GET", "context", headers={"If-None-Match": tag})
    assert (known.status_code, known.content) == (304, b"")
    await peer.edit("name", "Ada")
    changed = await peer.agent("GET", "context", headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag


async def test_hpp_134_a_context_is_there_as_a_text_too(pair: Open) -> None:
    peer = await pair()
    value = 'one\n- "two"\u2028three <b>'
    await peer.edit("name", value)
    response = await peer.agent("GET", "context", headers={"Accept": "text/markdown"})
    assert response.headers["content-type"].startswith("text/markdown")
    (line,) = [line for line in response.text.splitlines() if "two" in line]
    assert not {"\u2028", "<"} & set(line)
    assert json.loads(line[line.index('"') : line.rindex('"') + 1]) == value


async def test_hpp_139_watchers_are_told_of_an_agent_that_names_itself(pair: Open) -> None:
    peer = await pair()
    named = {"X-Agent-Name": "C" * 100}
    async with peer.watch() as page:
        await page.next("connected")
        for _ in range(3):
            assert (await peer.agent("GET", "context", headers=named)).status_code == 200
        frame = await page.next("agent")
        assert (frame["event"], frame["name"], frame["cursor"].endswith(".1")) == ("joined", "C" * 64, True)
        await peer.edit("name", "Ada")
        assert [frame["type"] for frame in await page.until("edit")] == ["edit"]
        other = {"actions": [{"type": "set", "key": "city", "value": "Oslo"}]}
        assert (await peer.agent("POST", "action", other, headers={"X-Agent-Name": "Other"})).status_code == 200
        frames = await page.until("done")
        assert [frame["type"] for frame in frames] == ["agent", "action", "done"]
        assert (frames[0]["event"], frames[0]["name"]) == ("joined", "Other")
    async with peer.watch() as page:
        assert (await page.next("connected"))["agent"] == "Other"


async def test_hpp_143_an_agent_that_has_gone_is_told_as_gone(local: Start) -> None:
    server = await local({"agent_silence": 0.3, "keepalive": 0.1})
    peer = await server.open()
    async with peer.watch() as page:
        await page.next("connected")
        assert (await peer.agent("GET", "context", headers={"X-Agent-Name": "Claude"})).status_code == 200
        joined, gone = await page.next("agent"), await page.next("agent")
        assert [frame["event"] for frame in (joined, gone)] == ["joined", "gone"]
        assert (gone["name"], gone["agentAt"], "seq" in gone) == ("Claude", joined["at"], False)
    async with peer.watch() as page:
        connected = await page.next("connected")
    assert (connected["agent"], connected["agentAt"], connected["agentGone"]) == ("Claude", joined["at"], True)
    assert (await peer.user("GET", "session")).json()["agentGone"] is True
