"""`skill`: the printed SKILL.md does what it says."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from handshake_prompt.cli import main
from handshake_prompt.cli.exit_codes import MEANINGS
from tests.conftest import Open
from tests.support.commands import marked_json, run, shell
from tests.support.parts import need_program
from tests.support.peer import PATIENCE, Peer

SKILL = run("skill").stdout
BLOCKS: list[str] = re.findall(r"```sh\n(.*?)```", SKILL, re.DOTALL)


def commands(text: str) -> Iterator[list[str]]:
    """Yield the words of every command line of ours in the skill."""
    for line in re.findall(r"^handshake-prompt .*$", text, re.MULTILINE):
        yield line.split()[1:]


def for_session(peer: Peer, cursor: str) -> list[str]:
    """Return the skill's scripts with what an agent puts into them."""
    values = {
        "SESSION_ID": peer.session_id,
        "BASE_URL": peer.base_url,
        "CURSOR": cursor,
        "FIELD=VALUE": "name=Ada",
        '"FIELD"': '"name"',
        '"VALUE"': '"Grace"',
        "TOKEN=": "TOKEN=",
        "'TOKEN'": f"'{peer.token}'",
        "token: TOKEN": f"token: {peer.token}",
        "'PREFIX'": "'/handshake'",
        "prefix: PREFIX": "prefix: /handshake",
    }
    scripts = BLOCKS
    for name, value in values.items():
        scripts = [script.replace(name, value) for script in scripts]
    return scripts


def test_skill_begins_with_its_name_and_what_it_is_for() -> None:
    front, _, text = SKILL.removeprefix("---\n").partition("\n---\n")
    names = dict(line.split(": ", 1) for line in front.splitlines())
    assert names["name"] == "handshake-prompt"
    assert 100 < len(names["description"]) < 1024
    assert ": " not in names["description"]
    assert text.strip().startswith("# ")


def test_skill_names_commands_and_options_that_exist() -> None:
    found = list(commands(SKILL))
    assert {words[0] for words in found} == {"get-context", "action", "get-diff", "extend", "ask", "suggest"}
    for name, *words in found:
        command = main.commands[name]
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known


def test_skill_lists_every_exit_code() -> None:
    rows = re.findall(r"^\| ([\d, ]+) \|", SKILL, re.MULTILINE)
    assert [int(code) for row in rows for code in row.split(",")] == [code.value for code in MEANINGS]


async def test_skill_s_commands_fill_in_a_form(pair: Open, path: Path) -> None:
    peer = await pair()
    context = await peer.context()
    keep, use, *_ = for_session(peer, context["cursor"])
    printed = await shell(keep + use, path)
    replies = [marked_json(f"[JSON-BEGIN]{part}") for part in printed.split("[JSON-BEGIN]")[1:]]
    assert [set(reply) >= names for reply, names in zip(replies, MEMBERS, strict=True)] == [True] * 4
    assert replies[1]["applied"] == ["name"]
    assert [change["to"] for change in replies[2]["changes"]] == ["Ada"]


async def test_skill_s_curl_fills_in_a_form(pair: Open, path: Path) -> None:
    need_program("curl")
    peer = await pair()
    context = await peer.context()
    printed = await shell(for_session(peer, context["cursor"])[-1], path)
    *replies, asked = list(documents(printed))
    assert [set(reply) >= names for reply, names in zip(replies, MEMBERS, strict=True)] == [True] * 4
    assert (asked["status"], asked["attended"]) == ("open", False)
    assert [change["to"] for change in replies[2]["changes"]] == ["Grace"]


async def test_skill_s_questions_and_suggestions_reach_the_person(pair: Open, path: Path) -> None:
    peer = await pair()
    await peer.edit("name", "Grace")
    keep, _, turn, _ = for_session(peer, "")
    running = asyncio.ensure_future(shell(keep + turn, path))
    async with asyncio.timeout(3 * PATIENCE):
        answers: tuple[dict[str, Any], ...] = ({}, {"seats": 2})
        for values in answers:
            while not (requests := (await peer.context(role="user")).get("requests")):
                await asyncio.sleep(0.01)
            await peer.decide(requests[0], **values)
        replies = [marked_json(f"[JSON-BEGIN]{part}") for part in (await running).split("[JSON-BEGIN]")[1:]]
    assert [reply["answer"]["values"] for reply in replies[:2]] == [{}, {"seats": 2}]
    (suggestion,) = (await peer.context(role="user"))["requests"]
    assert (suggestion["key"], suggestion["value"], suggestion["reason"]) == ("name", "Ada", "WHY")


MEMBERS = [{"schema", "missing", "context"}, {"applied", "results"}, {"changes", "cursor"}, {"extended"}]
"""What the replies to reading, writing, following and extending have, among others."""


def documents(text: str) -> Iterator[Any]:
    """Yield JSON documents that stand one after the other."""
    decoder, place = json.JSONDecoder(), 0
    while place < len(text.rstrip()):
        found, place = decoder.raw_decode(text, place)
        yield found
