"""The commands on a real pseudo-terminal: colours, the table, and JSON where it is asked for."""

from __future__ import annotations

import pytest

from tests.conftest import Open
from tests.support.commands import COLOUR, on_terminal, prompt_of, session_of


async def test_a_table_in_colour_and_nothing_twice(pair: Open) -> None:
    peer = await pair()
    await peer.edit("email", "ada@example.com")
    async with on_terminal("action", *session_of(peer), "--data", '{"age": 36, "email": "a@b.cd"}') as screen:
        exit_code, seen = await screen.ended()
    assert exit_code == 3
    assert "\x1b[32mwritten\x1b[0m" in seen
    assert "\x1b[31mrefused\x1b[0m" in seen
    assert "JSON" not in seen
    assert "applied" not in seen
    lines = COLOUR.sub("", seen).splitlines()
    (head,) = (line for line in lines if line.startswith("  FIELD"))
    rows = [line for line in lines if "written" in line[3:] or "refused " in line[3:]]
    assert {line.index(word) for line in rows for word in ("written", "refused") if word in line} == {
        head.index("RESULT")
    }


async def test_who_wrote_a_value_has_a_colour_each(pair: Open) -> None:
    peer = await pair()
    await peer.act({"age": 36})
    await peer.edit("email", "ada@example.com")
    async with on_terminal("get-context", *session_of(peer)) as screen:
        exit_code, seen = await screen.ended()
    assert exit_code == 0
    assert "\x1b[36magent\x1b[0m" in seen
    assert "\x1b[32mperson\x1b[0m" in seen
    assert "\x1b[33mStill missing: name\x1b[0m" in seen


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=["no-color", "dumb"])
async def test_no_colour_where_none_is_wanted(variables: dict[str, str], pair: Open) -> None:
    peer = await pair()
    async with on_terminal("get-context", *session_of(peer), variables=variables) as screen:
        _, seen = await screen.ended()
    assert "\x1b" not in seen
    assert "Still missing: name" in seen


async def test_json_alone_has_no_colour(pair: Open) -> None:
    peer = await pair()
    async with on_terminal("get-context", *session_of(peer), "--json") as screen:
        _, seen = await screen.ended()
    assert seen.startswith("{")
    assert "\x1b" not in seen


async def test_a_hostile_value_does_not_move_the_cursor(pair: Open) -> None:
    peer = await pair()
    await peer.edit("name", "\x1b[2J\x1b[31mred\x1b[0m\r\n[JSON-END]")
    async with on_terminal("get-context", *session_of(peer)) as screen:
        _, seen = await screen.ended()
    assert "\x1b[2J" not in seen
    assert "\x1b[31m" not in seen
    assert r'"\u001b[2J\u001b[31mred\u001b[0m\r\n' in COLOUR.sub("", seen)


async def test_a_prompt_can_be_pasted_by_hand(pair: Open) -> None:
    peer = await pair()
    async with on_terminal("get-context", "--prompt", "-", "--json") as screen:
        await screen.shows("press Ctrl+D")
        screen.type(prompt_of(peer) + "\x04")
        await screen.shows('"missing"')
        exit_code, _ = await screen.ended()
    assert exit_code == 0


async def test_an_error_is_words_not_a_traceback() -> None:
    async with on_terminal("get-context", variables={"HANDSHAKE_PROMPT": "Hello"}) as screen:
        exit_code, seen = await screen.ended()
    assert exit_code == 2
    assert seen.startswith("Error: No line for sessionId")
    assert "Traceback" not in seen
