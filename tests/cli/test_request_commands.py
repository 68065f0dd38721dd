"""`ask` and `suggest` against a real server, and what a person reads of answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from click.testing import Result
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from handshake_prompt.cli import news
from handshake_prompt.cli.exit_codes import Exit
from handshake_prompt.cli.terminal import Terminal
from handshake_prompt.client import RequestEnded
from tests.conftest import Open
from tests.support.commands import ask, for_people, marked_json, run, session_of
from tests.support.peer import PATIENCE, Peer

Serve = Callable[[ASGIApp], Awaitable[str]]
PARTS = ["--sid", "0" * 32, "--token", "t" * 32, "--base", "https://example.com"]
PLAIN = Terminal(colour=False)


async def decided(peer: Peer, command: Awaitable[Result], decision: str = "accept", **values: Any) -> Result:
    """Let the person decide on what a command asks, and return how the command ends."""
    running = asyncio.ensure_future(command)
    async with asyncio.timeout(PATIENCE):
        while not (requests := (await peer.context(role="user")).get("requests")):
            await asyncio.sleep(0.01)
    await peer.decide(requests[0], decision, **values)
    return await running


async def test_a_yes_is_success_and_a_no_is_not(pair: Open) -> None:
    peer = await pair()
    yes = await decided(peer, ask("ask", "May I?", *session_of(peer)))
    assert (yes.exit_code, "Answered: yes." in yes.stdout) == (Exit.DONE, True)
    no = await decided(peer, ask("ask", "May I?", *session_of(peer), "--json"), "decline")
    assert (no.exit_code, json.loads(no.stdout)["status"]) == (Exit.DECLINED, "declined")


async def test_a_question_is_answered_in_fields(pair: Open) -> None:
    peer = await pair()
    fields = '[{"key": "n", "type": "integer"}]'
    ended = await decided(peer, ask("ask", "How many?", "--fields", fields, *session_of(peer)), n=3)
    assert 'Answered: {"n": 3}.' in ended.stdout
    assert marked_json(ended.stdout)["answer"] == {"values": {"n": 3}, "filled": False}


async def test_a_secret_is_told_as_filled(pair: Open) -> None:
    peer = await pair()
    ended = await decided(peer, ask("ask", "Which account?", "--key", "iban", *session_of(peer)), iban="DE8937040044")
    assert "filled in the field, hidden from you" in ended.stdout
    assert "DE89" not in ended.stdout


async def test_silence_has_an_exit_code_of_its_own(pair: Open) -> None:
    peer = await pair()
    cursor = (await peer.context())["cursor"]
    late = await ask("ask", "May I?", "--expires-in", "1", *session_of(peer))
    assert (late.exit_code, "Expired: no answer, neither yes nor no." in late.stdout) == (Exit.UNANSWERED, True)
    early = await ask("ask", "May I still?", "--wait", "0", *session_of(peer))
    assert early.exit_code == Exit.UNANSWERED
    assert "Not answered yet." in early.stdout
    assert "is not looking at the page" in early.stdout
    assert "get-diff --since" in early.stdout
    told = for_people((await ask("get-diff", "--since", cursor, *session_of(peer))).stdout)
    assert 'Question "May I?"' in told
    assert "expired: no answer" in told
    shown = for_people((await ask("get-context", *session_of(peer))).stdout)
    assert 'Question "May I still?"' in shown
    assert "not answered yet" in shown


@pytest.mark.parametrize("fields", ["7", "[1]", "["])
def test_fields_that_are_none_are_a_usage_error(fields: str) -> None:
    result = run("ask", "May I?", "--fields", fields, *PARTS)
    assert result.exit_code == Exit.USAGE
    assert "--fields must be a JSON list" in result.stderr


async def test_a_server_without_questions_is_said_to_be_too_old(serve: Serve) -> None:
    url = await serve(Starlette())
    result = await ask("ask", "May I?", "--sid", "0" * 32, "--token", "t" * 32, "--base", url)
    assert result.exit_code == Exit.OTHER
    assert "too old" in result.stderr
    assert "Next: Ask the person in the chat." in result.stderr


async def test_suggestions_are_typed_by_the_schema_and_say_why(serve: Serve) -> None:
    asked: list[Any] = []

    async def context(_: Request) -> Response:
        schema = [{"key": "zip", "type": "string"}, {"key": "age", "type": "integer"}]
        return JSONResponse({"sessionId": "0" * 32, "mode": "form-fill", "context": {}, "schema": schema})

    async def action(request: Request) -> Response:
        asked.extend((await request.json())["actions"])
        results = [{"key": "zip", "status": "suggested", "request": "e.1"}, {"key": "age", "status": "error"}]
        return JSONResponse({"applied": [], "suggested": ["zip"], "rejected": [], "errors": [], "results": results})

    routes = [Route("/handshake/context/{sid}", context), Route("/handshake/action/{sid}", action, methods=["POST"])]
    parts = ["--sid", "0" * 32, "--token", "t" * 32, "--base", await serve(Starlette(routes=routes))]
    values = ["--set", "zip=00123", "--set", "age=36", "--reason", "passport", "--confidence", "0.9"]
    result = await ask("suggest", *parts, *values)
    about = {"reason": "passport", "confidence": 0.9}
    assert asked == [
        {"type": "suggest", "key": "zip", "value": "00123", **about},
        {"type": "suggest", "key": "age", "value": 36, **about},
    ]
    assert result.exit_code == Exit.REFUSED
    assert "0 written, 1 suggested, 1 refused" in result.stdout
    assert "  zip    suggested" in result.stdout


async def test_a_written_value_says_where_it_comes_from(serve: Serve) -> None:
    asked: list[Any] = []

    async def action(request: Request) -> Response:
        asked.extend((await request.json())["actions"])
        return JSONResponse({"applied": ["a", "b"], "rejected": [], "errors": []})

    url = await serve(Starlette(routes=[Route("/handshake/action/{sid}", action, methods=["POST"])]))
    values = ["--set-text", "a=1", "--data", '{"b": 2}', "--source", "scan.pdf"]
    await ask("action", "--sid", "0" * 32, "--token", "t" * 32, "--base", url, *values)
    assert asked == [
        {"type": "set", "key": "b", "value": 2},
        {"type": "set", "key": "a", "value": "1", "source": "scan.pdf"},
    ]


def test_the_end_of_a_request_is_a_line_as_it_happens() -> None:
    ended = RequestEnded("e.4", "suggest", "declined", {}, filled=False, cursor="e.9")
    assert news.request_ended(ended, PLAIN) == "  suggestion e.4: declined: the person said no"
