"""A host with forms and the tag, and a page there. Starting a server takes longer than a test, so all share it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, ConsoleMessage, Error, Page
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from handshake_prompt.protocol.errors import SessionNotFoundError
from handshake_prompt.protocol.submission_errors import InvalidFormError
from tests.page.element.tag import CSP, DOCUMENT, FORM, TAG
from tests.page.faults import Line
from tests.page.tabs import Site, site


@dataclass
class Profile:
    """A form that the host application has registered."""

    name: str
    age: int
    news: bool = False


APPLICATION = """
<form id="application" action="/application" method="post"><label>Name <input name="name" value="{name}"></label>
  <label>Age <input name="age" type="number" value="{age}"></label><button id="send">Send</button></form>
<handshake-prompt for="application" name="application"></handshake-prompt>
"""
POSTING = """
document.querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const { age, ...others } = Object.fromEntries(new FormData(event.target));
  const body = JSON.stringify({ ...others, age: Number(age) });
  const reply = await fetch("/api", { method: "POST", body, headers: { "Content-Type": "application/json" } });
  document.title = `${reply.status}`;
});
"""
"""A page's own script that posts a form."""


def is_of_age(values: dict[str, Any]) -> dict[str, str]:
    return {"age": "You have to be of age"} if values.get("age", 18) < 18 else {}


async def tells_of_its_schema(line: Line) -> None:
    """Give the page time to tell of a change of its form, as it should not."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.5):
            while not any(frame["type"] == "schema" for frame in line.sent):
                await asyncio.sleep(0.01)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def hosted() -> AsyncIterator[Site]:
    async def page(request: Request) -> Response:
        query = request.query_params
        body = query.get("body", FORM + TAG)
        text = DOCUMENT.format(lang=query.get("lang", "en"), body=body)
        return HTMLResponse(text, headers={"Content-Security-Policy": CSP})

    async def script(_: Request) -> Response:
        return Response(POSTING, media_type="text/javascript")

    async def posted(request: Request) -> Response:
        shown = f'<pre id="posted">{(await request.body()).decode()}</pre>'
        return HTMLResponse(DOCUMENT.format(lang="en", body=shown))

    async def save(request: Request) -> Response:
        if request.url.path == "/slow":
            await tells_of_its_schema(served.faults.line)
        form = await served.hpp.submission(request)
        shown = f'<pre id="saved">{form.value} {[f"{key}: {by}" for key, by in sorted(form.authors.items())]}</pre>'
        return HTMLResponse(DOCUMENT.format(lang="en", body=shown))

    async def apply(request: Request) -> Response:
        """Show the form, with the values that were posted if they are refused or name no session, as hosts do."""
        try:
            form = await served.hpp.submission(request)
        except (InvalidFormError, SessionNotFoundError):
            posted = await request.form()
            body = APPLICATION.format(**posted)
            return HTMLResponse(DOCUMENT.format(lang="en", body=body), 422, headers={"Content-Security-Policy": CSP})
        return HTMLResponse(DOCUMENT.format(lang="en", body=f'<pre id="saved">{form.value}</pre>'))

    async def api(request: Request) -> Response:
        """Take the form from a script of the page's; what is refused is answered as a problem document."""
        return JSONResponse((await served.hpp.submission(request)).authors)

    routes = [
        Route("/claim", page),
        Route("/application", apply, methods=["POST"]),
        Route("/api", api, methods=["POST"]),
        Route("/posting.js", script),
        Route("/posted", posted, methods=["POST"]),
        Route("/profile", save, methods=["POST"]),
        Route("/slow", save, methods=["POST"]),
    ]
    async with site(routes=routes) as served:
        served.hpp.form("profile", Profile)
        served.hpp.form("application", Profile, validator=is_of_age)
        yield served


@pytest.fixture
def complaints() -> list[str]:
    """What the page has written to the console as errors: refusals of its policy, and exceptions."""
    return []


@contextlib.asynccontextmanager
async def opened(browser: Browser, hosted: Site) -> AsyncIterator[Page]:
    context = await browser.new_context(base_url=hosted.url, permissions=["clipboard-read", "clipboard-write"])
    yield await context.new_page()
    await context.close()


@contextlib.contextmanager
def noting(page: Page, complaints: list[str]) -> Iterator[None]:
    """Take note of what a page complains of."""

    def note(complaint: ConsoleMessage | Error) -> None:
        if not isinstance(complaint, ConsoleMessage):
            complaints.append(str(complaint))
        elif complaint.type == "error":
            complaints.append(complaint.text)

    page.on("pageerror", note)
    page.on("console", note)
    yield
    page.remove_listener("pageerror", note)
    page.remove_listener("console", note)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def window(browser: Browser, hosted: Site) -> AsyncIterator[Page]:
    """A page at the host; making one takes longer than most tests."""
    async with opened(browser, hosted) as page:
        yield page


@pytest_asyncio.fixture(loop_scope="session")
async def page(window: Page, hosted: Site, complaints: list[str]) -> AsyncIterator[Page]:
    """A page with a form and the tag, and with nothing left of the last test.

    A complaint that a test does not expect and take away fails it.
    """
    hosted.faults.reset()
    with noting(window, complaints):
        await window.goto("/claim")
        yield window
    await window.unroute_all()
    for other in window.context.pages[1:]:
        await other.close()
    await window.goto("/")  # the tag keeps its session until it is left
    await window.evaluate("sessionStorage.clear()")
    await window.context.clear_cookies()
    assert complaints == []


@pytest_asyncio.fixture(loop_scope="session")
async def own_page(browser: Browser, hosted: Site, complaints: list[str]) -> AsyncIterator[Page]:
    """The same for a test alone, to change what cannot be changed back: the clock, what runs ahead of all scripts."""
    hosted.faults.reset()
    async with opened(browser, hosted) as page:
        with noting(page, complaints):
            await page.goto("/claim")
            yield page
    assert complaints == []
