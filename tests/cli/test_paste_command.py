"""The command `paste` against a real server: the answer of an agent that cannot reach it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from handshake_prompt.cli.exit_codes import Exit
from handshake_prompt.protocol.credentials import digest_token
from handshake_prompt.protocol.prompt_codes import prompt_code
from tests.conftest import Open
from tests.support.commands import ask, for_people, marked_json, prompt_of, session_of
from tests.support.peer import Peer


def code_of(peer: Peer, seq: int = 0) -> str:
    return prompt_code(peer.session_id, digest_token(peer.token), seq)


def answer(**content: Any) -> str:
    return f"Here you are:\n```handshake\n{json.dumps(content)}\n```\nBye."


async def written(peer: Peer) -> dict[str, tuple[Any, str]]:
    context = (await peer.context())["context"]
    return {key: (record["value"], record["by"]) for key, record in context.items() if record["by"] != "empty"}


async def test_an_answer_is_written_as_the_agents_and_refusals_are_shown(pair: Open) -> None:
    peer = await pair()
    await peer.edit("email", "ada@shop.example")
    text = answer(code=code_of(peer), fields={"Name": "Ada", "age": 36, "email": "x@y.z", "plan": "none"})
    result = await ask("paste", *session_of(peer), text=text)
    assert result.exit_code == Exit.REFUSED
    assert "2 written, 2 refused" in for_people(result.stdout)
    assert [one["key"] for one in marked_json(result.stdout)["results"]] == ["name", "age", "email", "plan"]
    assert await written(peer) == {"email": ("ada@shop.example", "user"), "name": ("Ada", "ai"), "age": (36, "ai")}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"fields": {"name": "Ada"}, "ask": ["Sure?"]}, Exit.DONE),
        ({"fields": {"name": "Ada", "plan": "none"}}, Exit.REFUSED),
        ({"fields": {"plan": "none"}, "ask": ["Sure?"]}, Exit.REFUSED),
        ({"fields": {"plan": "none"}, "ask": [{"text": "Which?", "key": "nowhere"}]}, Exit.ALL_REFUSED),
    ],
)
async def test_the_exit_code_tells_none_some_and_all_refused_apart(
    pair: Open, content: dict[str, Any], expected: Exit
) -> None:
    assert (await ask("paste", *session_of(await pair()), text=answer(**content))).exit_code == expected


@pytest.mark.parametrize("content", [{"fields": {}}, {"fields": {}, "mood": "good"}, {"ask": []}])
async def test_an_answer_that_asks_for_nothing_is_refused_as_the_server_refuses_it(
    pair: Open, content: dict[str, Any]
) -> None:
    peer = await pair()
    result = await ask("paste", *session_of(peer), text=answer(**content))
    assert (result.exit_code, "The answer asks for nothing" in result.stderr) == (Exit.USAGE, True)
    reported = json.loads((await ask("paste", "--json", *session_of(peer), text=answer(**content))).stdout)
    assert (reported["code"], [one["line"] for one in reported["unread"]]) == (
        "unreadable",
        [3] if "mood" in content else [],
    )


async def test_the_prompt_may_be_on_standard_input_and_the_answer_in_a_file(pair: Open, tmp_path: Path) -> None:
    peer = await pair()
    file = tmp_path / "answer.txt"
    file.write_text(answer(fields={"name": "Ada"}))
    result = await ask("paste", str(file), "--prompt", "-", text=prompt_of(peer))
    assert result.exit_code == Exit.DONE
    assert await written(peer) == {"name": ("Ada", "ai")}


async def test_a_preview_shows_what_is_asked_for_and_writes_nothing(pair: Open) -> None:
    peer = await pair()
    result = await ask("paste", "--preview", *session_of(peer), text=answer(fields={"name": "Ada\x1b[2J"}))
    assert result.exit_code == Exit.DONE
    assert "The answer asks for 1 change" in result.stdout
    assert "\x1b[2J" not in result.stdout
    assert marked_json(result.stdout)["read"][0]["key"] == "name"
    assert await written(peer) == {}


async def test_lines_of_text_get_the_type_of_their_field(pair: Open) -> None:
    peer = await pair()
    result = await ask("paste", "--json", *session_of(peer), text="```handshake\n**Name**: 007\n- age: 36\n```")
    assert (result.exit_code, json.loads(result.stdout)["applied"]) == (Exit.DONE, ["name", "age"])
    assert await written(peer) == {"name": ("007", "ai"), "age": (36, "ai")}


async def test_a_refused_value_is_named_with_its_line(pair: Open) -> None:
    peer = await pair()
    text = '```handshake\n{"fields": {"name": "Ada",\n"age": "12,5"}}\n```'
    result = await ask("paste", *session_of(peer), text=text)
    assert result.exit_code == Exit.REFUSED
    assert "line 3: invalid_value" in result.stdout
    assert marked_json(result.stdout)["lines"] == [2, 3]


@pytest.mark.parametrize("options", [[], ["--json"]])
async def test_lines_that_cannot_be_read_are_named(pair: Open, options: list[str]) -> None:
    peer = await pair()
    text = '```handshake\n{"fields": {"name": "Ada",\n"age": 3'
    result = await ask("paste", *options, *session_of(peer), text=text)
    assert result.exit_code == Exit.USAGE
    if options:
        assert json.loads(result.stdout)["unread"][0]["line"] == 3
    else:
        assert "Line 3 was not read: the block breaks off" in result.stdout
    assert await written(peer) == {}


async def test_questions_are_put_to_the_person_once_however_often_the_answer_is_given(pair: Open) -> None:
    peer = await pair()
    text = answer(ask=["May I?", {"text": "Colour?", "key": "nowhere"}], fields={"name": "Ada"})
    shown = await ask("paste", "--preview", *session_of(peer), text=text)
    assert 'Question to the person: "May I?"' in shown.stdout
    for _ in range(2):
        result = await ask("paste", *session_of(peer), text=text)
        assert result.exit_code == Exit.REFUSED
        assert 'Asked on the page: "May I?"' in result.stdout
        assert 'Not asked: "Colour?"' in result.stdout
    (request,) = (await peer.user("GET", "context")).json()["requests"]
    told = marked_json(result.stdout)["questions"]
    assert [(one.get("request"), one["status"]) for one in told] == [(request["id"], "open"), (None, "error")]


async def test_an_answer_of_questions_alone_is_asked(pair: Open) -> None:
    peer = await pair()
    result = await ask("paste", *session_of(peer), text=answer(ask="May I?"))
    assert (result.exit_code, "Asked on the page" in result.stdout) == (Exit.DONE, True)


async def test_parts_that_cannot_be_read_are_named_beside_what_was_written(pair: Open) -> None:
    peer = await pair()
    result = await ask("paste", *session_of(peer), text=answer(fields={"name": "Ada"}, submit=True))
    assert result.exit_code == Exit.REFUSED
    assert "Line 3 was not read: an answer has no member 'submit'" in result.stdout
    assert await written(peer) == {"name": ("Ada", "ai")}


async def test_an_answer_to_another_prompt_is_refused(pair: Open) -> None:
    peer, other = await pair(), await pair()
    for about in ({"code": code_of(other)}, {"sessionId": other.session_id}):
        result = await ask("paste", *session_of(peer), text=answer(fields={"name": "Ada"}, **about))
        assert (result.exit_code, "answers another prompt" in result.stderr) == (Exit.USAGE, True)
    assert await written(peer) == {}


async def test_a_field_that_changed_since_the_prompt_is_stale_and_a_correction_is_not(pair: Open) -> None:
    peer = await pair()
    code = code_of(peer, (await peer.context())["context"].get("name", {"rev": 0})["rev"])
    assert (await ask("paste", *session_of(peer), text=answer(code=code, fields={"age": 36}))).exit_code == Exit.DONE
    await peer.edit("name", "Bob")
    await peer.user("POST", "notify", {"key": "name", "release": True})
    text = answer(code=code, fields={"age": 37, "name": "Ada"})
    result = await ask("paste", "--json", *session_of(peer), text=text)
    assert [one.get("code") for one in json.loads(result.stdout)["results"]] == [None, "stale"]
    assert await written(peer) == {"age": (37, "ai"), "name": ("Bob", "default")}


async def test_prompt_and_answer_cannot_share_standard_input() -> None:
    result = await ask("paste", "--prompt", "-", text="x")
    assert (result.exit_code, "cannot both be on standard input" in result.stderr) == (Exit.USAGE, True)


async def test_a_file_that_is_not_there_is_a_usage_error(pair: Open) -> None:
    peer = await pair()
    result = await ask("paste", "/nowhere", *session_of(peer))
    assert (result.exit_code, "Cannot read the answer from '/nowhere'" in result.stderr) == (Exit.USAGE, True)
