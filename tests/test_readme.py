"""The code of every README runs as it stands there, and every link of a document leads somewhere."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from contextlib import aclosing
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from handshake_prompt import HandshakeApp
from handshake_prompt.client import SessionEndedError
from handshake_prompt.session import Session
from tests.conftest import FORM
from tests.support.peer import PATIENCE, open_session, patient_client
from tests.support.readme import README, README_FILE, block, run
from tests.support.serving import serving
from tests.support.sessions import record_of

ROOT = README_FILE.parent
BESIDE_CODE = sorted(path for part in ("handshake_prompt", "benchmarks") for path in (ROOT / part).rglob("README.md"))
"""The README files of parts with a story of their own."""
DOCUMENTS = [README_FILE, ROOT / "SPEC.md", ROOT / "CHANGELOG.md", *BESIDE_CODE]
SHELL = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def anchors(text: str) -> set[str]:
    """Return the anchors of a document's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_link_within_the_repository_leads_to_a_file_and_a_heading(document: Path) -> None:
    links = re.findall(r"\]\((?!https?://)([^)]*)\)", document.read_text("utf-8"))
    broken = []
    for link in links:
        path, _, anchor = link.partition("#")
        target = document.parent / path if path else document
        if not target.is_file() or (anchor and anchor not in anchors(target.read_text("utf-8"))):
            broken.append(link)
    assert broken == []


def test_the_readme_links_every_readme_beside_code() -> None:
    assert [path for path in map(name_of, BESIDE_CODE) if f"]({path})" not in README] == []


@pytest.mark.parametrize("document", BESIDE_CODE, ids=name_of)
def test_the_code_of_a_readme_beside_code_runs(document: Path) -> None:
    for code in re.findall(r"```python\n(.*?)```", document.read_text("utf-8"), re.DOTALL):
        run(code, name_of(document))


def test_readme_is_no_longer_than_a_person_reads() -> None:
    assert len(README.splitlines()) <= 345


async def test_hooks_do_what_they_are_said_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    hpp: HandshakeApp = run(block("on_create_session"))["hpp"]

    class Request:
        session = {"plan": "paid"}  # noqa: RUF012 - a made-up request

    created, _ = await hpp.engine.create_session({}, Request())
    session_id, token = created["sessionId"], created["token"]
    record = await record_of(hpp.engine.store, session_id)
    actions = [{"key": "iban", "value": "x"}, {"key": "name", "value": "y"}]
    acted, _ = await hpp.engine.post_action(session_id, {"actions": actions}, token)
    extended, _ = await hpp.engine.post_extend(session_id, {"extraSeconds": 4000}, token)
    await hpp.engine.drain()

    assert record is not None
    assert record.session.meta == {"plan": "paid"}
    assert (acted["applied"], acted["rejected"]) == (["name"], ["iban"])
    assert acted["results"][0]["msg"] == "The account is changed by the person only"
    assert extended["extended"] == 1800
    assert "['name']" in capsys.readouterr().out


async def test_mode_of_your_own_refuses_and_applies() -> None:
    document = (ROOT / "handshake_prompt" / "modes" / "README.md").read_text("utf-8")
    hpp: HandshakeApp = run(block("Thermostat", document))["hpp"]
    created, _ = await hpp.engine.create_session({"mode": "thermostat"})
    actions = [{"key": "target", "value": 99}, {"key": "target", "value": 21}]
    acted, _ = await hpp.engine.post_action(created["sessionId"], {"actions": actions}, created["token"])
    context, _ = await hpp.engine.get_context(created["sessionId"], created["token"])

    assert [result.get("code") for result in acted["results"]] == ["out_of_range", None]
    assert (context["target"], context["unit"]) == (21, "°C")


async def test_a_form_from_a_model_is_opened_judged_and_submitted_as_its_type() -> None:
    app = run(block("model_validator"))["app"]
    async with serving(app) as url:
        context = {"name": "Ada", "arrival": "2026-05-02", "departure": "2026-05-01"}
        peer = await open_session(url, {"form": "stay", "context": context})
        async with aclosing(peer.http):

            async def post(headers: dict[str, str]) -> httpx.Response:
                shown = (await peer.context(role="user"))["digest"]
                form = {"handshakeSession": peer.session_id, "handshakeDigest": shown}
                return await peer.http.post(f"{url}/stays", data=form, headers=headers)

            told = (await peer.http.get(f"{url}/handshake/forms/stay")).json()
            (wrong,) = (await peer.context())["problems"]
            refused = await post(peer.as_user)
            await peer.edit("departure", "2026-05-04")
            full = await peer.edit("arrival", "2026-12-24")
            acted = await peer.act({"name": "A"})
            await peer.edit("arrival", "2026-05-02")
            stranger = await post({})
            saved = await post(peer.as_user)
    assert [field["key"] for field in told["fields"]] == ["name", "arrival", "departure", "passport"]
    assert "after the arrival" in wrong["msg"]
    assert (refused.status_code, refused.json()["problems"]) == (422, [wrong])
    assert {"keys": ["arrival"], "msg": "There is no room"} in full["problems"]
    assert [refused["code"] for refused in acted["errors"]] == ["invalid_value"]
    assert stranger.status_code == 403
    assert (saved.status_code, saved.json()) == (200, {"nights": 2})


async def test_the_tutorials_form_is_a_form_as_ever_without_an_agent() -> None:
    async with serving(run(block("hpp.tag("))["app"]) as url, patient_client() as http:
        booked = await http.post(f"{url}/bookings", data={"name": "Ada", "nights": "2"})
    assert (booked.status_code, booked.json()) == (200, {"booked": {"name": "Ada", "nights": "2"}})


async def test_a_function_of_the_hosts_takes_a_submission_or_says_what_is_wrong() -> None:
    host, hpp = Starlette(), run(block("@hpp.on_submit"))["hpp"]
    hpp.mount_on(host)
    async with serving(host) as url:
        peer = await open_session(url, {"mode": "form-fill", "schema": [{"key": "nights", "type": "integer"}]})
        async with aclosing(peer.http):

            async def submit() -> httpx.Response:
                shown = (await peer.context(role="user"))["digest"]
                return await peer.user("POST", "submit", {"digest": shown})

            await peer.edit("nights", 15)
            refused = await submit()
            await peer.edit("nights", 14)
            taken = await submit()
    assert (refused.status_code, refused.json()["problems"]) == (422, [{"keys": ["nights"], "msg": "Too long"}])
    assert (taken.status_code, taken.json()["result"]) == (200, {"number": 7})


def test_engine_runs_without_a_framework() -> None:
    done = subprocess.run(
        [sys.executable, "-c", block("asyncio.run")], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "{'room': 'kitchen'}\n"


def test_every_endpoint_has_its_line_in_the_specification() -> None:
    """But for the modules of pages, the WebSocket, whose path is in a reply, and a pickup with its key in the path."""
    others = re.compile(
        r"/modules/.*|/(client|draw|element|form|webmcp)(\.js|/\{part\})|/ws/\{sid\}|/pickup/\{code\}/\{key\}"
    )
    served = {getattr(route, "path", "") for route in HandshakeApp(mcp=True).routes}
    table = (ROOT / "SPEC.md").read_text("utf-8").partition("| request | role |")[2].partition("###")[0]
    named = {path.replace("{id}", "{request}") for path in re.findall(r"`[A-Z]+ (/[\w./{}]*)", table)}
    assert {path for path in served if not others.fullmatch(path)} == {path for path in named if path != "/client.js"}


def test_the_two_commands_are_complete() -> None:
    started = [command.split("&&")[-1].split()[0] for command in SHELL]
    assert started == [".venv/bin/handshake-prompt", ".venv/bin/pytest"]


def test_sessions_that_hooks_see_have_what_the_table_names() -> None:
    assert {"session_id", "owner", "meta"} <= set(dir(Session))


async def test_the_page_module_named_in_readme_is_served() -> None:
    async with serving(HandshakeApp()) as url, patient_client() as http:
        module = (await http.get(f"{url}/client.js")).text.split('"')[1]
        source = (await http.get(f"{url}/{module}")).text
    for method in re.findall(r"session\.(\w+)\(", README.partition("```js")[2].partition("```")[0]):
        assert method == "addEventListener" or re.search(rf"^\s+(async )?{method}\(", source, re.MULTILINE), method


async def test_the_agents_code_fills_and_follows_until_the_session_ends(capsys: pytest.CaptureFixture[str]) -> None:
    fill = run(block("HandshakeAgent"))["fill"]
    host = Starlette()
    HandshakeApp().mount_on(host)
    async with serving(host) as url:
        peer = await open_session(url, {**FORM, "prompt": True})
        async with aclosing(peer.http), peer.watch() as page:
            filling = asyncio.create_task(fill(peer.created["prompt"]))
            await page.next("done")
            await peer.decide(await page.next("asked"))
            suggested = await page.next("asked")
            await peer.edit("age", 36)
            printed = ""
            async with asyncio.timeout(PATIENCE):
                while "age is 36, by user" not in printed:
                    await asyncio.sleep(0.01)
                    printed += capsys.readouterr().out
            await peer.user("DELETE", "session")
            with pytest.raises(SessionEndedError):
                await filling
    assert (suggested["kind"], suggested["key"], suggested["value"]) == ("suggest", "email", "ada@example.com")
    assert "['name'] [] []" in printed
    assert "name is 'Ada', by ai" in printed
