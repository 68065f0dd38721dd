"""The command `pickup` against a real server, and an address where another command wants a prompt."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from handshake_prompt import parse_prompt
from handshake_prompt.cli.exit_codes import Exit
from tests.conftest import FORM, Open
from tests.support.commands import ask
from tests.support.peer import Peer

PICKUP = {**FORM, "pickup": True}


def url_of(peer: Peer) -> str:
    return str(peer.created["pickup"]["url"])


async def test_a_code_is_exchanged_for_a_prompt_that_the_other_commands_take(pair: Open, tmp_path: Path) -> None:
    peer, file = await pair(body=PICKUP), tmp_path / "prompt.txt"
    result = await ask("pickup", url_of(peer), "--out", str(file), "--name", "Phone")
    assert (result.exit_code, result.stdout) == (Exit.DONE, "")
    assert file.stat().st_mode & 0o777 == 0o600
    assert (await ask("action", "--prompt", str(file), "--set", "name=Ada")).exit_code == Exit.DONE
    assert (await peer.context(role="user"))["pickup"]["name"] == "Phone"
    assert (await ask("pickup", url_of(peer))).exit_code == Exit.OTHER


@pytest.mark.parametrize("way", ["argument", "standard input", "dash", "code alone"])
async def test_the_address_is_given_in_any_way_and_the_prompt_printed_as_it_is(pair: Open, way: str) -> None:
    peer = await pair(body=PICKUP)
    message = f"Here: {url_of(peer)}\n"
    arguments = {
        "argument": [url_of(peer)],
        "standard input": [],
        "dash": ["-"],
        "code alone": [peer.created["pickup"]["code"].lower(), "--base", peer.base_url],
    }[way]
    result = await ask("pickup", *arguments, text=message)
    assert result.exit_code == Exit.DONE
    assert parse_prompt(result.stdout).session_id == peer.session_id
    assert result.stdout.startswith("# Handshake prompt")


async def test_json_has_the_prompt_and_nothing_else(pair: Open) -> None:
    peer = await pair(body=PICKUP)
    told = json.loads((await ask("pickup", url_of(peer), "--json")).stdout)
    assert parse_prompt(told["prompt"]).session_id == peer.session_id


async def test_a_code_that_is_taken_or_unknown_is_told_with_what_to_do(pair: Open) -> None:
    peer = await pair(body=PICKUP)
    await peer.http.get(url_of(peer))
    taken = await ask("pickup", url_of(peer), "--json")
    assert (taken.exit_code, json.loads(taken.stdout)["code"]) == (Exit.OTHER, "pickup_taken")
    wrong = await ask("pickup", url_of(peer)[:-4] + "0000")
    assert wrong.exit_code == Exit.OTHER
    assert "new one" in wrong.stderr


@pytest.mark.parametrize("arguments", [["nothing"], ["7K3M-Q2VX-9HTD"], ["7K3M", "--base", "https://example.com"]])
async def test_what_is_no_address_is_a_mistake_of_usage(arguments: list[str]) -> None:
    result = await ask("pickup", *arguments)
    assert result.exit_code == Exit.USAGE
    assert "whole address" in result.stderr


async def test_a_file_that_cannot_be_written_is_told_before_the_code_is_used(pair: Open, tmp_path: Path) -> None:
    peer = await pair(body=PICKUP)
    result = await ask("pickup", url_of(peer), "--out", str(tmp_path / "nowhere" / "prompt.txt"))
    assert result.exit_code == Exit.USAGE
    assert (await peer.context(role="user"))["pickup"]["taken"] is False


async def test_an_address_where_a_prompt_is_wanted_is_told_from_nonsense(pair: Open, tmp_path: Path) -> None:
    peer, file = await pair(body=PICKUP), tmp_path / "prompt.txt"
    file.write_text(url_of(peer))
    result = await ask("get-context", "--prompt", str(file), "--json")
    assert result.exit_code == Exit.USAGE
    assert "handshake-prompt pickup" in json.loads(result.stdout)["nextSteps"][0]
    assert "handshake-prompt pickup" in result.stderr
    assert (await peer.context(role="user"))["pickup"]["taken"] is False
