"""Requests for the page's modules: which ones a browser sends when a page is loaded, and when it is loaded again."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from handshake_prompt.asgi import page_sources
from tests.page.element.tag import CSP, DOCUMENT, FORM, TAG
from tests.page.faults import Faults
from tests.page.tabs import Site, site

pytestmark = pytest.mark.asyncio(loop_scope="session")

ENTRY = "/handshake/element.js"
KEPT = f"/handshake/modules/{page_sources.digest()}/"
ALL = {f"{KEPT}{path}" for path in ("element.js", *page_sources.reached("element.js"))}
DEFINED = "customElements.whenDefined('handshake-prompt').then(() => true)"
REFUSAL = """
async () => {
  const tag = document.querySelector("handshake-prompt");
  tag.setAttribute("mode", "unknown");
  const error = await tag.open().catch((error) => error);
  const modules = await Promise.all(["client.js", "client/requests.js"].map((path) => import(`/handshake/${path}`)));
  return modules.map(({ HandshakeError }) => error instanceof HandshakeError);
}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def tagged() -> AsyncIterator[Site]:
    async def page(_: Request) -> Response:
        policy = {"Content-Security-Policy": CSP}
        return HTMLResponse(DOCUMENT.format(lang="en", body=FORM + TAG), headers=policy)

    async with site(routes=[Route("/claim", page)]) as served:
        yield served


@pytest_asyncio.fixture(loop_scope="session")
async def fresh(browser: Browser, tagged: Site) -> AsyncIterator[Page]:
    """A page of a browser that has been nowhere."""
    context = await browser.new_context(base_url=tagged.url)
    tagged.faults.reset()
    yield await context.new_page()
    await context.close()


def asked(faults: Faults) -> list[str]:
    """Return the paths of the modules that were asked for since the last call."""
    paths = [request.url.path for request in faults.requests if request.url.path.endswith(".js")]
    faults.requests.clear()
    return paths


async def test_each_module_is_asked_for_once_and_then_never_again(fresh: Page, tagged: Site) -> None:
    await fresh.goto("/claim")
    assert await fresh.evaluate(DEFINED)
    first, *others = asked(tagged.faults)
    assert first == ENTRY
    assert sorted(others) == sorted(ALL)
    for path in ("/claim", "/claim?again"):
        await fresh.goto(path)
        assert await fresh.evaluate(DEFINED)
        assert "if-none-match" in tagged.faults.requests[-1].headers
        assert asked(tagged.faults) == [ENTRY]


async def test_an_entry_names_all_that_a_browser_would_find_level_by_level(fresh: Page, tagged: Site) -> None:
    await fresh.goto("/")
    assert await fresh.evaluate(f"import('{KEPT}element.js').then(() => {DEFINED})")
    assert sorted(asked(tagged.faults)) == sorted(ALL)


async def test_a_second_entry_loads_what_the_first_one_has_not(fresh: Page, tagged: Site) -> None:
    await fresh.goto("/claim")
    assert await fresh.evaluate(DEFINED)
    asked(tagged.faults)
    assert await fresh.evaluate("import('/handshake/draw.js').then(({ drawForm }) => typeof drawForm)") == "function"
    drawing = {f"{KEPT}{path}" for path in ("draw.js", *page_sources.reached("draw.js"))}
    assert sorted(asked(tagged.faults)) == ["/handshake/draw.js", *sorted(drawing - ALL)]


async def test_a_module_is_one_by_whatever_entry_a_page_imports_it(fresh: Page) -> None:
    await fresh.goto("/claim")
    assert await fresh.evaluate(DEFINED)
    assert await fresh.evaluate(REFUSAL) == [True, True]


async def test_modules_of_another_version_are_loaded_and_asked_for_again(fresh: Page, tagged: Site) -> None:
    for _ in range(2):
        await fresh.goto("/")
        other = KEPT.replace(page_sources.digest(), "0123456789abcdef")
        assert await fresh.evaluate(f"import('{other}client/rows.js').then(({{ entryOf }}) => typeof entryOf)")
        assert asked(tagged.faults) == [f"{other}client/rows.js"]
