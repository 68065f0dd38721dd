"""Pages in a real Chromium. Starting one takes a second, so all tests share it, the servers, and an event loop."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Error, Page, async_playwright, expect

from handshake_prompt import Limits
from handshake_prompt.page.demo import create_demo
from handshake_prompt.page.npm_package import NAME
from tests.conftest import CHROMIUM_ARGS
from tests.page.faults import Faults
from tests.page.tabs import Site, Tab, site
from tests.support.commands import run
from tests.support.once import once
from tests.support.peer import PATIENCE
from tests.support.serving import serving

expect.set_options(timeout=PATIENCE * 1000)
DEMO_LIMITS = Limits(creates_per_address=10_000, pace_interval=0.15)
"""Values follow one another closely enough not to be waited for, and slowly enough to come in between."""
CLAIM = [
    {"key": "purpose", "type": "string", "label": "Purpose", "required": True},
    {"key": "nights", "type": "integer", "label": "Nights", "default": 2},
]


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the packages from npm that tests need: frameworks, a bundler, a compiler, axe."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")

    def install(folder: Path) -> None:
        shutil.copy(Path(__file__).parent / "frameworks" / "package.json", folder)
        command = ["npm", "install", "--silent", "--no-audit", "--no-fund"]
        if subprocess.run(command, cwd=folder, check=False, timeout=600, capture_output=True).returncode:
            pytest.skip("npm cannot install the packages")

    return once(tmp_path_factory, "packages", install)


@pytest.fixture(scope="session")
def copied(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page's modules as `handshake-prompt page` copies them, where Node and bundlers find packages."""
    folder = packages / "node_modules" / NAME

    def copy(_: Path) -> None:
        assert run("page", str(folder)).exit_code == 0

    once(tmp_path_factory, "copied", copy)
    return folder


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(headless_chromium: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=headless_chromium, args=CHROMIUM_ARGS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def url() -> AsyncIterator[str]:
    async with serving(create_demo(limits=DEMO_LIMITS)) as url:
        yield url


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def window(browser: Browser, url: str) -> AsyncIterator[Page]:
    """A page at the demo's server; making one takes longer than most tests."""
    context = await browser.new_context(base_url=url, permissions=["clipboard-read", "clipboard-write"])
    yield await context.new_page()
    await context.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def plain_window(browser: Browser) -> AsyncIterator[Page]:
    """A page at no server, with no permission, for the tests of one module."""
    context = await browser.new_context()
    yield await context.new_page()
    await context.close()


@pytest.fixture
def context(window: Page) -> BrowserContext:
    return window.context


@pytest.fixture
def complaints() -> list[str]:
    """What the demo's page has written to the console as errors."""
    return []


@pytest_asyncio.fixture(loop_scope="session")
async def page(window: Page, complaints: list[str]) -> AsyncIterator[Page]:
    """The demo, with nothing left of the last test; a complaint that a test does not expect and take away fails it."""

    def note(complaint: ConsoleMessage | Error) -> None:
        if not isinstance(complaint, ConsoleMessage) or complaint.type == "error":
            complaints.append(str(complaint))

    await window.goto("/")
    window.on("console", note)
    window.on("pageerror", note)
    yield window
    window.remove_listener("console", note)
    window.remove_listener("pageerror", note)
    await window.unroute_all()
    for other in window.context.pages[1:]:
        await other.close()
    await window.evaluate("sessionStorage.clear()")
    await window.context.clear_cookies()
    assert complaints == []


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared() -> AsyncIterator[Site]:
    async with site() as served:
        nights = [{"key": "nights", "type": "integer"}]
        served.hpp.form("nights", nights, validator=lambda values: {"nights": "The hotel is full"} if values else None)
        served.hpp.form("claim", CLAIM)
        yield served


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=PATIENCE) as http:
        yield http


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def still(browser: Browser) -> AsyncIterator[Page]:
    """A page whose time passes only when it is turned on; making one takes longer than a test."""
    context = await browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = await context.new_page()
    await page.clock.install(time=0)
    await page.clock.pause_at(1)
    yield page
    await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def tab(shared: Site, still: Page, http: httpx.AsyncClient) -> AsyncIterator[Tab]:
    """The still page, anew; an exception that nothing caught in it fails the test."""
    uncaught: list[str] = []

    def note(error: Exception) -> None:
        uncaught.append(str(error))

    still.on("pageerror", note)
    tab = Tab(still, http, shared.faults)
    await tab.visit(shared.url)
    shared.faults.reset()
    shared.store.failures = 0
    yield tab
    still.remove_listener("pageerror", note)
    shared.faults.gate.set()
    await still.context.set_offline(offline=False)
    assert uncaught == []


@pytest.fixture
def faults(shared: Site) -> Faults:
    return shared.faults
