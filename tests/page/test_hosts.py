"""Three host applications, each as it would be without us plus a small diff, in a real Chromium.

A person types, their agent writes the rest and has three values refused, a suggestion is accepted, the host refuses
what only it can know, and the form is submitted in the host's ordinary way.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, ConsoleMessage, Page, expect

from handshake_prompt.client import HandshakeAgent
from tests.page.axe import find_faults
from tests.support.hosts import HOSTS, PASSWORD, applied, django_project, loaded, prepare
from tests.support.peer import PATIENCE
from tests.support.serving import serving

pytestmark = pytest.mark.asyncio(loop_scope="session")

NAMES = sorted(path.name for path in HOSTS.iterdir())
LINES = {".py": 12, ".html": 3}
"""Of a diff, at most; of other kinds of files there are none."""


class Visit:
    """A person's visit to a host, and the agent that the form is handed to."""

    def __init__(self, page: Page, packages: Path) -> None:
        self.page = page
        self.complaints: list[str] = []
        self._packages = packages
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._note)

    def _note(self, message: ConsoleMessage) -> None:
        if message.type == "error" and "status of 422" not in message.text:  # the host's own refusal
            self.complaints.append(message.text)

    async def agent(self) -> HandshakeAgent:
        """Hand the form over, and return an agent that has nothing but the copied prompt."""
        await self.page.get_by_role("button", name="Hand to my agent").click()
        await expect(self.page.get_by_text("Copied to the clipboard")).to_be_visible()
        prompt = await self.page.evaluate("navigator.clipboard.readText()")
        return HandshakeAgent.from_prompt(prompt, name="Ada's agent")

    async def shows(self, **values: str) -> None:
        for name, value in values.items():
            await expect(self.page.locator(f"[name={name}]")).to_have_value(value)

    async def is_by(self, author: str, *names: str) -> None:
        for name in names:
            await expect(self.page.locator(f"[name={name}]")).to_have_attribute("data-handshake-by", author)

    async def accept(self, value: str) -> None:
        await expect(self.page.locator("handshake-prompt")).to_contain_text(value)
        await self.page.get_by_role("button", name="Accept").click()

    async def is_told(self, text: str) -> None:
        """Wait until the panel shows a problem."""
        await expect(self.page.locator("handshake-prompt [part=attention]").get_by_text(text).first).to_be_visible()

    async def is_told_of_nothing(self) -> None:
        """Wait until all problems are dealt with, those that the page has found itself included."""
        async with asyncio.timeout(PATIENCE):  # Playwright's own wait needs what the page's policy forbids
            while await self.page.evaluate("document.querySelector('handshake-prompt').session.problems.length"):
                await asyncio.sleep(0.02)

    async def axe_finds_nothing(self) -> None:
        assert await find_faults(self.page, self._packages) == []


@pytest_asyncio.fixture(loop_scope="session")
async def visit(browser: Browser, packages: Path) -> AsyncIterator[Visit]:
    context = await browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    visit = Visit(await context.new_page(), packages)
    yield visit
    await context.close()
    assert visit.complaints == []


def why(reply: Any) -> dict[str, str]:
    """Return the refused values of an action, each with its explanation."""
    return {error["key"]: error["msg"] for error in reply["errors"]}


async def problems(agent: HandshakeAgent) -> list[tuple[str, str]]:
    return [(",".join(one["keys"]), one["msg"]) for one in (await agent.get_context()).get("problems", [])]


async def has_problem(agent: HandshakeAgent, key: str, text: str) -> None:
    """Wait until the agent is told a problem that the page is shown: the page's own are on their way to the server."""
    async with asyncio.timeout(PATIENCE):
        while not any(of == key and msg.endswith(text) for of, msg in await problems(agent)):
            await asyncio.sleep(0.02)


async def has_no_problem(agent: HandshakeAgent) -> None:
    """Wait until the agent is told of none, either."""
    async with asyncio.timeout(PATIENCE):
        while await problems(agent):
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("name", NAMES)
async def test_a_host_takes_a_dozen_lines_and_none_of_javascript(name: str) -> None:
    added: Counter[str] = Counter()
    kind = ""
    for line in (HOSTS / name / "handover.diff").read_text("utf-8").splitlines():
        if line.startswith("+++ "):
            kind = Path(line).suffix
        elif line.startswith("+") and line[1:].strip():
            added[kind] += 1
    assert added.keys() == LINES.keys()
    assert all(added[kind] <= most for kind, most in LINES.items()), added


@pytest.mark.parametrize("name", NAMES)
async def test_a_host_is_there_without_us(name: str) -> None:
    files = [path for path in (HOSTS / name).rglob("*") if path.suffix in (".py", ".html", ".jsx")]
    assert files
    assert [path.name for path in files if "handshake" in path.read_text("utf-8").lower()] == []


async def test_a_person_without_an_agent_submits_as_ever(tmp_path: Path) -> None:
    claim = {"purpose": "Pens", "category": "equipment", "amount": "3", "spent": "2026-03-04", "approver": "a@b.org"}
    with loaded(applied("fastapi_jinja", tmp_path)) as host:
        transport = httpx.ASGITransport(host.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
            await http.post("/login", data={"username": "ada"})
            refused = await http.post("/claims", data=claim | {"amount": "0"})
            taken = await http.post("/claims", data=claim)
    assert (refused.status_code, taken.status_code) == (422, 303)
    assert [(one["claim"].purpose, one["submission"]) for one in host.saved] == [("Pens", None)]


async def test_fastapi_with_jinja_sessions_and_a_pydantic_form(visit: Visit, tmp_path: Path) -> None:
    page = visit.page
    with loaded(applied("fastapi_jinja", tmp_path)) as host:
        async with serving(host.app) as url:
            await page.goto(f"{url}/login")
            await page.get_by_label("Name").fill("ada")
            await page.get_by_role("button", name="Log in").click()
            await page.fill("[name=purpose]", "Team offsite")
            async with await visit.agent() as agent:
                refused = await agent.action({"amount": 9000, "spent": "yesterday", "category": "lunch"})
                assert why(refused).keys() == {"amount", "spent", "category"}
                assert "5000" in why(refused)["amount"]
                assert "travel" in why(refused)["category"]
                await agent.action({"amount": 120, "spent": "2026-03-04", "category": "meals"})
                await visit.shows(amount="120", spent="2026-03-04", category="meals")
                await agent.suggest("approver", "grace@example.com", reason="Grace leads the team")
                await visit.axe_finds_nothing()
                await visit.accept("grace@example.com")
                await visit.shows(approver="grace@example.com")

                await page.get_by_role("button", name="Submit claim").click()
                await expect(page.get_by_role("alert")).to_have_text(re.compile("Name the guests"))
                await visit.is_told("Name the guests of a meal in the notes")
                await has_problem(agent, "", "Name the guests of a meal in the notes")
                await visit.is_by("ai", "amount", "spent", "category")
                await agent.action({"notes": "Ada, Grace"})
                await visit.shows(notes="Ada, Grace")
                await has_no_problem(agent)
                await page.get_by_role("button", name="Submit claim").click()
                await expect(page.get_by_text("Team offsite: 120.0 euros")).to_be_visible()
        (saved,) = host.saved
    submission = saved["submission"]
    assert submission.value == saved["claim"]
    assert (submission.owner, submission.value.amount) == ("ada", 120)
    assert submission.authors["purpose"] == "user"
    assert {submission.authors[name] for name in ("amount", "spent", "category", "notes")} == {"ai"}
    assert submission.authors["approver"] == "user"


async def test_fastapi_with_json_and_a_react_form_of_controlled_inputs(
    visit: Visit, tmp_path: Path, packages: Path
) -> None:
    page = visit.page
    with loaded(bundled(applied("fastapi_react", tmp_path), packages)) as host:
        async with serving(host.app) as url:
            await page.request.post(f"{url}/api/login/1")
            await page.goto(url)
            await page.fill("[name=hotel]", "Grand")
            await page.fill("[name=guests]", "Ada")
            async with await visit.agent() as agent:
                refused = await agent.action({"nights": 90, "arrival": "soon", "board": "all"})
                assert why(refused).keys() == {"nights", "arrival", "board"}
                assert "28" in why(refused)["nights"]
                assert "breakfast" in why(refused)["board"]
                await agent.action({"nights": 3, "arrival": "2026-03-04", "board": "breakfast", "quiet": True})
                await visit.shows(nights="3", arrival="2026-03-04", board="breakfast")
                await expect(page.locator("[name=quiet]")).to_be_checked()

                await page.get_by_role("button", name="Book").click()
                await expect(page.locator("#hotel-error")).to_have_text("Value error, Grand is full")
                await visit.is_told("Grand is full")
                await has_problem(agent, "hotel", "Value error, Grand is full")
                await agent.suggest("hotel", "Astoria", reason="It has a room")
                await visit.axe_finds_nothing()
                await visit.accept("Astoria")
                await visit.shows(hotel="Astoria")
                await expect(page.locator("#hotel-error")).to_have_count(0)
                await page.get_by_role("button", name="Book").click()
                await expect(page.get_by_text("Booked: number 1")).to_be_visible()
        (booked,) = host.booked
    assert (booked["booking"].hotel, booked["booking"].nights, booked["booking"].quiet) == ("Astoria", 3, True)
    submission = booked["submission"]
    assert (submission.owner, submission.values["nights"]) == (1, 3)
    authors = {"hotel": "user", "guests": "user", "nights": "ai", "arrival": "ai", "board": "ai", "quiet": "ai"}
    assert submission.authors == authors


def bundled(folder: Path, packages: Path) -> Path:
    """Bundle the script of a host, with the React that npm has."""
    shutil.copy(folder / "booking.jsx", packages / "booking.jsx")
    options = ["--bundle", "--format=esm", "--jsx=automatic", f"--outfile={folder / 'booking.js'}"]
    esbuild = packages / "node_modules/.bin/esbuild"
    subprocess.run([esbuild, "booking.jsx", *options], cwd=packages, check=True, timeout=60)
    return folder


async def test_django_with_a_model_form_and_its_own_login(visit: Visit, tmp_path: Path) -> None:
    page = visit.page
    async with django_project(prepare(applied("django_model_form", tmp_path))) as url:
        await page.goto(f"{url}/claims/new")
        await page.get_by_label("Username").fill("ada")
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Log in").click()
        await page.fill("[name=purpose]", "Team offsite")
        await page.fill("[name=approver]", "boss@example.com")
        async with await visit.agent() as agent:
            refused = await agent.action({"amount": 9000, "spent": "yesterday", "category": "lunch"})
            assert why(refused).keys() == {"amount", "spent", "category"}
            assert "5000" in why(refused)["amount"]
            assert "travel" in why(refused)["category"]
            await agent.action({"amount": 120, "spent": "2026-03-04", "category": "meals", "notes": "Ada, Grace"})
            await visit.shows(amount="120", spent="2026-03-04", category="meals", notes="Ada, Grace")
            await agent.suggest("approver", "grace@example.com", reason="Grace leads the team")
            await visit.axe_finds_nothing()
            await visit.accept("grace@example.com")
            await visit.shows(approver="grace@example.com")

            await page.get_by_role("button", name="Submit claim").click()
            await visit.is_told("There is a claim for this purpose already")
            await has_problem(agent, "purpose", "There is a claim for this purpose already")
            await visit.is_by("ai", "amount", "spent", "category")
            await page.fill("[name=purpose]", "Team offsite, autumn")
            await page.locator("[name=purpose]").blur()
            await visit.is_told_of_nothing()
            await has_no_problem(agent)
            await page.get_by_role("button", name="Submit claim").click()
            await expect(page.get_by_text("Team offsite, autumn: 120.00 euros")).to_be_visible()
    told = await page.get_by_text("Authors").inner_text()
    for name, author in (("purpose", "user"), ("amount", "ai"), ("spent", "ai"), ("approver", "user")):
        assert f"'{name}': '{author}'" in told
