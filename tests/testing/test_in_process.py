"""A page and agents on an application in one process."""

from __future__ import annotations

import asyncio
import re
import textwrap
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import handshake_prompt.testing
from handshake_prompt import HandshakeApp, Limits, open_store
from handshake_prompt.client import Change, Gap, SessionEndedError
from handshake_prompt.testing import InProcess, WatchClosedError, in_process
from tests.conftest import FORM, ROWS_FORM
from tests.support.peer import PATIENCE
from tests.support.readme import run


def host(hpp: HandshakeApp | None = None, **options: Any) -> Starlette:
    app = Starlette(**options)
    (hpp or HandshakeApp()).mount_on(app)
    return app


DOCUMENT = Path(handshake_prompt.testing.__file__).parent / "README.md"


async def test_the_example_of_the_readme_passes() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)
    await run(code, str(DOCUMENT))["test_an_agent_fills_in_the_form"]()


# Agents


async def test_the_example_of_the_module_passes() -> None:
    example = (in_process.__doc__ or "").partition("\n\n")[2].partition("\n\nAll of it")[0]
    code = "async def example(app):\n" + textwrap.indent(textwrap.dedent(example), "    ")
    async with asyncio.timeout(PATIENCE):
        await run(f"from handshake_prompt.testing import InProcess\n{code}", "in_process.py")["example"](host())


async def test_an_agent_writes_and_the_page_sees_it_arrive() -> None:
    async with InProcess(host()) as site:
        page = await site.open_page(FORM)
        async with page.watch() as frames, page.agent(name="Claude") as agent:
            assert (await frames.next("connected"))["role"] == "user"
            reply = await agent.action({"name": "Ada"})
            assert (await frames.next("agent"))["name"] == "Claude"
            assert (await frames.next("action"))["value"] == "Ada"
        assert reply["applied"] == ["name"]
        assert (await page.context())["context"]["name"]["by"] == "ai"


async def test_changes_are_streamed_as_they_happen_and_not_polled() -> None:
    hpp = HandshakeApp()
    async with InProcess(host(hpp)) as site:
        page = await site.open_page(FORM)
        async with page.agent() as agent, asyncio.timeout(PATIENCE):
            changes = agent.changes((await agent.get_context())["cursor"])
            for number in range(20):
                waiting = asyncio.ensure_future(anext(changes))
                await page.edit("age", number)
                change = await waiting
                assert isinstance(change, Change)
                assert (change.value, change.by) == (number, "user")
            assert type(changes._source).__name__ == "EventStream"
            await page.revoke()
            with pytest.raises(SessionEndedError):
                await anext(changes)
        assert hpp.engine.statistics.watchers == 0


async def test_a_long_poll_is_answered_by_the_person_s_edit() -> None:
    async with InProcess(host()) as site:
        page = await site.open_page(FORM)
        async with page.agent() as agent, asyncio.timeout(PATIENCE):
            cursor = (await agent.get_context())["cursor"]
            waiting = asyncio.ensure_future(agent.get_diff(cursor, wait=25))
            await asyncio.sleep(0)
            await page.edit("name", "Grace")
            assert [change["to"] for change in (await waiting)["changes"]] == ["Grace"]


async def test_a_reader_that_falls_behind_is_resumed_or_told_of_a_gap() -> None:
    async with InProcess(host(HandshakeApp(limits=Limits(user_requests=10_000)))) as site:
        page = await site.open_page(FORM)
        async with page.agent() as agent, asyncio.timeout(3 * PATIENCE):
            changes = agent.changes((await agent.get_context())["cursor"])
            await page.edit("age", 0)
            await anext(changes)
            for number in range(1, 600):
                await page.edit("age", number)
            seen = 0
            while seen < 599:
                update = await anext(changes)
                assert isinstance(update, Change | Gap)
                seen = update.value if isinstance(update, Change) else update.context["context"]["age"]["value"]


async def test_a_token_that_was_replaced_is_refused_and_the_new_one_works() -> None:
    async with InProcess(host()) as site:
        page = await site.open_page(FORM)
        renewed = await page.rotate()
        async with renewed.agent() as agent:
            assert (await agent.action({"name": "Ada"}))["applied"] == ["name"]
        assert renewed.created["token"] != page.created["token"]


# The page


async def test_the_person_edits_over_the_socket_and_gives_fields_back() -> None:
    async with InProcess(host()) as site:
        page = await site.open_page(FORM)
        async with page.watch() as frames:
            frames.send({"type": "userEdit", "key": "name", "value": "Grace", "ref": 1})
            assert (await frames.next("ack"))["by"] == "user"
            cursor = (await page.context())["cursor"]
        assert (await page.release("name"))["by"] == "default"
        async with page.watch(after=cursor) as frames:
            assert (await frames.next("connected"))["recovered"] is True
            assert (await frames.next("edit"))["by"] == "default"


async def test_the_person_adds_moves_and_removes_rows() -> None:
    async with InProcess(host()) as site:
        page = await site.open_page(ROWS_FORM)
        first = await page.add_row("lines", {"text": "Taxi"})
        second = await page.add_row("lines", after=None)
        assert (first["row"], (await page.context())["rows"]) == ("r1", {"lines": ["r2", "r1"]})
        await page.move_row("lines/r2", after=first["row"])
        assert (await page.context())["rows"] == {"lines": ["r1", "r2"]}
        await page.remove_row(f"lines/{second['row']}")
        assert (await page.context())["rows"] == {"lines": ["r1"]}


async def test_the_end_of_a_session_closes_the_socket_with_its_code() -> None:
    async with InProcess(host()) as site:
        page = await site.open_page(FORM)
        async with page.watch() as frames:
            await frames.next("connected")
            await page.revoke()
            await frames.next("revoked")
            with pytest.raises(WatchClosedError) as caught:
                await frames.next()
    assert caught.value.code == 4410


async def test_a_refusal_has_the_problem() -> None:
    async with InProcess(host()) as site:
        page = await site.open_page(FORM)
        with pytest.raises(httpx.HTTPStatusError) as caught:
            await page.edit("nickname", "A")
    assert caught.value.response.json()["code"] == "unknown_field"


async def test_the_browser_keeps_the_login_of_the_host_s_own() -> None:
    async def login(_: Request) -> Response:
        response = Response("welcome")
        response.set_cookie("user", "ada")
        return response

    def check(request: Request, _: object) -> bool:
        return request.cookies.get("user") == "ada"

    app = host(HandshakeApp(require_browser_auth=check), routes=[Route("/login", login)])
    async with InProcess(app) as site:
        page = await site.open_page(FORM)
        with pytest.raises(httpx.HTTPStatusError):
            await page.edit("name", "Grace")
        await site.browser.get("/login")
        assert (await page.edit("name", "Grace"))["by"] == "user"


async def test_over_https_the_cookies_are_those_of_https() -> None:
    async with InProcess(host(), base_url="https://forms.example") as site:
        page = await site.open_page(FORM)
        assert [cookie.name for cookie in site.browser.cookies.jar] == [f"__Host-hpp_{page.session_id}"]
        assert (await page.edit("name", "Grace"))["ok"]


async def test_an_application_alone_has_no_prefix() -> None:
    async with InProcess(HandshakeApp(), prefix="") as site:
        page = await site.open_page(FORM)
        async with page.agent() as agent, page.watch() as frames:
            await agent.action({"name": "Ada"})
            assert (await frames.next("action"))["value"] == "Ada"


# The application


async def test_its_lifespan_is_run() -> None:
    seen = []

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        seen.append("start")
        yield
        seen.append("stop")

    async with InProcess(host(lifespan=lifespan)):
        assert seen == ["start"]
    assert seen == ["start", "stop"]


async def test_a_lifespan_that_fails_fails_the_test() -> None:
    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        raise ValueError("no database")
        yield

    with pytest.raises(ValueError, match="no database"):
        async with InProcess(host(lifespan=lifespan)):
            raise AssertionError("it started")


async def test_its_exceptions_reach_the_test() -> None:
    async def broken(_: Request) -> Response:
        raise KeyError("of the view")

    async with InProcess(host(routes=[Route("/broken", broken)])) as site:
        with pytest.raises(KeyError, match="of the view"):
            await site.browser.get("/broken")


async def test_two_sockets_stand_on_a_store_with_threads(tmp_path: Any) -> None:
    store = open_store(f"sqlite:///{tmp_path}/sessions.db")
    hpp = HandshakeApp(store=store)
    async with InProcess(host(hpp)) as site:
        page = await site.open_page(FORM)
        async with page.watch() as one, page.watch() as other, page.agent() as agent:
            await agent.action({"name": "Ada"})
            for frames in (one, other):
                assert (await frames.next("action"))["value"] == "Ada"


async def test_nothing_goes_on_behind_its_back() -> None:
    before = asyncio.all_tasks()
    hpp = HandshakeApp()
    async with InProcess(host(hpp)) as site:
        page = await site.open_page(FORM)
        agent = page.agent()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(agent.changes()), 0.05)
        await agent.aclose()
    await hpp.engine.aclose()
    assert asyncio.all_tasks() == before
