"""Tools for the browser's own agent: Chromium's WebMCP, and stubs of the shapes that the API had before."""

from __future__ import annotations

import json
from typing import Any

import pytest
import pytest_asyncio
from mcp.types import Tool
from playwright.async_api import Browser, Page, Request as Sent, expect

from handshake_prompt.mcp.tools import listed
from tests.page.tabs import CREATE, IMPORT, SETTINGS, Site, Tab

pytestmark = pytest.mark.asyncio(loop_scope="session")

NAMES = sorted(tool.name for tool in listed(with_connect=False))
PROVIDE = """
async () => {
  const { provideTools } = await import("/handshake/webmcp.js");
  globalThis.stop = new AbortController();
  return provideTools(session, { signal: stop.signal });
}
"""
ROTATE_BEHIND_ITS_BACK = """
() => fetch(session.urls.rotate, { method: "POST", body: "{}", headers: { "Content-Type": "application/json" } })
"""
OLDER = """
(shape) => {
  const tools = (globalThis.tools = new Map());
  const add = (tool) => {
    if (tools.has(tool.name)) throw new DOMException("Taken", "InvalidStateError");
    tools.set(tool.name, tool);
  };
  const gone = (name) => {
    if (!tools.delete(name)) throw new DOMException("Gone", "InvalidStateError");
  };
  const shapes = {
    unregisterTool: { registerTool: (tool) => void add(tool), unregisterTool: gone },
    handle: { registerTool: (tool) => (add(tool), { unregister: () => gone(tool.name) }) },
    provideContext: { provideContext: ({ tools: all }) => { tools.clear(); all.forEach(add); } },
    signal: {
      async registerTool(tool, { signal } = {}) {
        add(tool);
        signal?.addEventListener("abort", () => gone(tool.name));
      },
    },
  };
  const [place, other] = shape === "signal" ? [document, navigator] : [navigator, document];
  Object.defineProperty(place, "modelContext", { value: shapes[shape] });
  Object.defineProperty(other, "modelContext", { value: undefined });
}
"""
SHAPES = ("signal", "unregisterTool", "handle", "provideContext")


@pytest_asyncio.fixture(loop_scope="session")
async def page(plain_window: Page, shared: Site) -> Page:
    """A page with a session, `session`, whose tools Chromium has."""
    await plain_window.goto(shared.url)
    if not await plain_window.evaluate("'modelContext' in document"):
        pytest.skip("this Chromium has no WebMCP")
    await plain_window.evaluate(IMPORT, "/handshake/client.js")
    await plain_window.evaluate(CREATE, SETTINGS)
    assert await plain_window.evaluate(PROVIDE) is True
    return plain_window


async def names(page: Page) -> list[str]:
    return sorted(tool["name"] for tool in await page.webmcp.tools())


async def call(page: Page, name: str, **arguments: Any) -> dict[str, Any]:
    """Call a tool as the browser's agent does; return what it tells, and whether it is an error."""
    result = await page.webmcp.call_tool(name, arguments)
    (content,) = result["content"]
    told: dict[str, Any] = json.loads(content["text"])
    return told | ({"isError": True} if result.get("isError") else {})


def wire(tool: Tool) -> dict[str, Any]:
    return {"name": tool.name, "description": tool.description, "inputSchema": tool.input_schema}


async def test_the_tools_are_those_of_the_mcp_server_in_its_words(page: Page) -> None:
    told = await page.evaluate("async () => (await import('/handshake/webmcp/tool_list.js')).TOOLS")
    assert [{name: tool[name] for name in ("name", "description", "inputSchema")} for tool in told] == [
        *map(wire, listed(with_connect=False))
    ]
    reading = {tool.name for tool in listed(with_connect=False) if tool.annotations and tool.annotations.read_only_hint}
    assert {tool["name"] for tool in told if tool.get("readOnly")} == reading


async def test_the_browser_lists_the_tools_with_their_annotations_and_none_that_is_the_persons(page: Page) -> None:
    tools = await page.webmcp.tools()
    assert sorted(tool["name"] for tool in tools) == NAMES
    assert not {"submit", "answer", "revert", "paste", "revoke", "rotate"} & set(NAMES)
    marks = {tool["name"]: tool["annotations"] for tool in tools}
    assert marks["get_context"] == {"readOnly": True, "untrustedContent": True}
    assert marks["set_fields"] == {"untrustedContent": True}


async def test_an_agent_reads_and_writes_as_the_agent_and_leaves_what_is_the_persons(page: Page) -> None:
    context = await call(page, "get_context")
    assert (context["role"], context["context"]["a"]["by"]) == ("agent", "user")
    told = await call(page, "set_fields", fields={"a": "x", "b": "B"}, notes={"b": {"source": "a letter"}})
    assert told["applied"] == ["b"]
    assert [one["code"] for one in told["results"] if one["status"] == "rejected"] == ["user_locked"]
    held = await page.evaluate("session.context()")
    assert {key: (record["value"], record["by"]) for key, record in held["context"].items()} == {
        "a": ("A", "user"),
        "b": ("B", "ai"),
        "fixed": ("F", "default"),
    }
    assert held["context"]["b"]["source"] == "a letter"


async def test_requests_carry_the_agents_token_and_no_cookie_of_the_persons(page: Page) -> None:
    sent: list[Sent] = []

    def note(request: Sent) -> None:
        sent.append(request)

    page.on("request", note)
    calls: dict[str, dict[str, Any]] = {
        "get_context": {},
        "set_fields": {"fields": {"b": "B"}},
        "suggest_fields": {"suggestions": [{"key": "a", "value": "better"}]},
        "get_changes": {},
        "extend": {"seconds": 60},
    }
    for name, arguments in calls.items():
        assert "isError" not in await call(page, name, **arguments)
    token = await page.evaluate("session.token")
    page.remove_listener("request", note)
    assert len(sent) == 5
    for request in sent:
        headers = await request.all_headers()
        assert headers["x-handshake-token"] == token
        assert "cookie" not in headers
        assert "x-handshake-user-token" not in headers


async def test_an_agent_asks_suggests_and_waits_for_the_person(page: Page) -> None:
    asked = await call(page, "ask_person", text="By train?", seconds=0)
    assert (asked["status"], asked["timedOut"]) == ("open", True)
    suggested = await call(page, "suggest_fields", suggestions=[{"key": "a", "value": "better", "reason": "Spelling"}])
    assert suggested["results"][0]["status"] == "suggested"
    cursor = (await call(page, "get_changes"))["cursor"]
    await page.evaluate("session.connect()")
    await page.wait_for_function("session.requests.length === 2")
    await page.evaluate("session.answer(session.requests.find(({ kind }) => kind === 'ask'), 'accept')")
    told = await call(page, "wait_for_user", since=cursor)
    assert [(one["text"], one["status"]) for one in told["requests"] if one["kind"] == "ask"] == [
        ("By train?", "answered")
    ]
    await page.evaluate("session.edit('c', 'C')")
    told = await call(page, "wait_for_user", since=told["cursor"])
    assert [(change["key"], change["by"]) for change in told["changes"]] == [("c", "user")]
    late = await call(page, "wait_for_user", since=told["cursor"], seconds=0)
    assert (late["changes"], late["timedOut"]) == ([], True)


@pytest.mark.parametrize(
    ("name", "arguments", "detail"),
    [
        ("set_fields", {}, "input.fields is missing"),
        ("set_fields", {"fields": {}}, "input.fields is empty"),
        ("set_fields", {"fields": {"b": 1}, "rev": {}}, 'input takes no "rev"'),
        ("set_fields", {"fields": {"b": 1}, "ifRev": {"b": "1"}}, "input.ifRev.b is of type integer"),
        ("set_fields", {"fields": {"b": 1}, "ifRev": {"c": 1}}, "ifRev and notes may name only keys that fields has"),
        ("edit_rows", {}, "Give a row to add, to remove or to move"),
        ("edit_rows", {"add": [{"list": 1}]}, "input.add[0].list is of type string"),
        ("suggest_fields", {"suggestions": [{"key": "a"}]}, "input.suggestions[0].value is missing"),
        ("ask_person", {"text": "?", "key": 1}, "input.key is of type string or null"),
        ("wait_for_user", {"since": "1", "seconds": 26}, "input.seconds is from 0 to 25"),
    ],
)
async def test_an_input_that_does_not_fit_is_refused_in_words(
    page: Page, name: str, arguments: dict[str, Any], detail: str
) -> None:
    told = await call(page, name, **arguments)
    assert (told["code"], told["detail"], told["isError"]) == ("invalid_arguments", detail, True)


async def test_a_refusal_of_the_server_is_told_with_its_code(page: Page) -> None:
    told = await call(page, "find_options", key="a")
    assert (told["code"], told["retryable"], told["isError"]) == ("no_lookup", False, True)


async def test_a_lost_answer_is_asked_for_again_and_written_once(page: Page) -> None:
    lost: list[Any] = []

    async def lose(route: Any) -> None:
        await route.fetch()
        lost.append(route)
        await (route.abort() if len(lost) == 1 else route.continue_())

    await page.route("**/action/*", lose)
    await page.evaluate("Math.random = () => 0")
    assert (await call(page, "set_fields", fields={"b": "B"}))["applied"] == ["b"]
    await page.unroute_all()
    assert len(lost) == 2
    changes = (await call(page, "get_changes"))["changes"]
    assert [change["key"] for change in changes] == ["b"]


async def test_the_tools_go_with_the_session_and_with_the_signal(page: Page) -> None:
    await page.evaluate("stop.abort()")
    assert await names(page) == []
    await page.evaluate(PROVIDE)
    assert await names(page) == NAMES
    await page.evaluate("session.revoke()")
    assert await names(page) == []


async def test_a_rotation_registers_the_tools_with_the_new_token(page: Page) -> None:
    await page.evaluate("session.rotate()")
    assert await names(page) == NAMES
    assert (await call(page, "set_fields", fields={"b": "B"}))["applied"] == ["b"]


async def test_a_token_that_was_replaced_elsewhere_takes_the_tools_away_at_the_first_refusal(page: Page) -> None:
    await page.evaluate(
        "fetch(session.urls.rotate, { method: 'POST', body: '{}', headers: { 'Content-Type': 'application/json' } })"
    )
    assert (await call(page, "get_context"))["code"] == "invalid_token"
    assert await names(page) == []


async def test_two_forms_of_a_page_have_tools_side_by_side(page: Page) -> None:
    await page.evaluate("globalThis.first = session")
    await page.evaluate(CREATE, SETTINGS)
    await page.evaluate(PROVIDE)
    assert await names(page) == sorted([*NAMES, *(f"{name}_2" for name in NAMES)])
    await call(page, "set_fields_2", fields={"b": "second"})
    assert (await page.evaluate("first.context()"))["context"].get("b") is None
    assert (await page.evaluate("session.context()"))["context"]["b"]["value"] == "second"


async def test_a_resumed_page_has_tools_once_it_has_a_prompt(page: Page) -> None:
    await page.evaluate("stop.abort(); record(client.HandshakeSession.resume(session.saved))")
    await page.evaluate(PROVIDE)
    assert await names(page) == []
    await page.evaluate("session.rotate()")
    assert await names(page) == NAMES


@pytest.mark.parametrize("shape", SHAPES)
async def test_each_shape_that_the_api_has_had_is_served(tab: Tab, shape: str) -> None:
    await tab.do(OLDER, shape)
    await tab.create()
    assert await tab.do(PROVIDE) is True
    assert await tab.do("[...tools.keys()].sort()") == NAMES
    assert (
        json.loads(await tab.do("tools.get('get_context').execute({}, {}).then(({ content }) => content[0].text)"))[
            "role"
        ]
        == "agent"
    )
    await tab.do("session.rotate()")
    assert await tab.do("[...tools.keys()].sort()") == NAMES
    await tab.do("session.revoke()")
    assert await tab.do("[...tools.keys()]") == []


async def test_tools_of_the_pages_own_keep_their_names(tab: Tab) -> None:
    await tab.do(OLDER, "unregisterTool")
    await tab.do("navigator.modelContext.registerTool({ name: 'extend', execute: 'the page\\'s own' })")
    await tab.create()
    await tab.do(PROVIDE)
    await tab.until("tools.size > 9")
    await tab.do("stop.abort()")
    assert await tab.do("[...tools.values()]") == [{"name": "extend", "execute": "the page's own"}]


async def test_a_browser_without_the_api_is_told_of(tab: Tab) -> None:
    await tab.do("Object.defineProperty(document, 'modelContext', { value: undefined })")
    await tab.create()
    assert await tab.do(PROVIDE) is False


async def test_the_tag_registers_the_tools_of_its_session_and_takes_them_away(browser: Browser, url: str) -> None:
    context = await browser.new_context(base_url=url, permissions=["clipboard-read", "clipboard-write"])
    page = await context.new_page()
    await page.goto("/")
    assert await names(page) == []
    await page.get_by_role("button", name="Hand to my agent").click()
    await expect(page.get_by_text("Copied to the clipboard")).to_be_visible()
    assert await names(page) == NAMES
    assert (await call(page, "set_fields", fields={"purpose": "Lunch"}))["applied"] == ["purpose"]
    await expect(page.locator("#field-purpose")).to_have_value("Lunch")
    await expect(page.get_by_text("It calls itself “The agent of this browser”.")).to_be_visible()
    await page.evaluate("document.querySelector('handshake-prompt').remove()")
    assert await names(page) == []
    await context.close()
