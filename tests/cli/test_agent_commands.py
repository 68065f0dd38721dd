"""The agent's commands against a real server: what a person reads, what a program reads, and how they end."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import signal
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from handshake_prompt import HandshakeApp
from handshake_prompt.cli.exit_codes import MEANINGS, Exit
from tests.conftest import Open
from tests.support.commands import (
    COMMAND,
    ask,
    environment,
    for_people,
    marked_json,
    piped,
    prompt_of,
    run,
    session_of,
)
from tests.support.forms import LINES
from tests.support.peer import Peer

Serve = Callable[[ASGIApp], Awaitable[str]]
SESSION_ID = "0" * 32
TOKEN = "t" * 32


def row(output: str, key: str) -> str:
    """Return the one line of a table that begins with a field's key."""
    (line,) = re.findall(rf"^  {key} .*$", for_people(output), re.MULTILINE)
    return " ".join(line.split())


async def test_context_shows_each_field_its_writer_and_what_is_missing(pair: Open) -> None:
    peer = await pair()
    await peer.act({"age": 36, "plan": "basic"})
    await peer.edit("plan", "pro")
    await peer.edit("email", "ada@example.com")
    result = await ask("get-context", "--prompt", "-", text=prompt_of(peer))
    assert result.exit_code == Exit.DONE
    assert row(result.stdout, "name") == 'name – – missing; string; "Name"'
    assert row(result.stdout, "age") == 'age 36 agent integer; 0 to 150; "Age"'
    assert row(result.stdout, "plan") == 'plan "pro" person (edited) enum; one of "basic", "pro"; "Plan"'
    assert row(result.stdout, "email") == 'email "ada@example.com" person email; "E-mail"'
    assert row(result.stdout, "number").startswith("number – – read only; string")
    assert "Still missing: name" in result.stdout
    assert marked_json(result.stdout)["context"]["age"]["value"] == 36


async def test_context_shows_options_with_labels_bounds_and_lists(pair: Open) -> None:
    options = [{"value": "b", "label": "Basic"}, {"value": "p", "label": "p"}, {"value": 3}]
    schema = [
        {"key": "plan", "type": "enum", "options": options, "multiple": True, "minLength": 1, "maxLength": 2},
        {"key": "size", "type": "number", "min": 1.5, "desc": "In metres"},
        {"key": "code", "pattern": "[A-Z]+", "maxLength": 8, "example": "AB"},
        {"key": "far", "type": "enum", "options": list(range(20))},
        {"key": "days", "type": "checkbox", "options": ["mon", "tue"], "minLength": 1},
    ]
    peer = await pair(body={"mode": "form-fill", "schema": schema})
    shown = (await ask("get-context", *session_of(peer))).stdout
    assert (
        row(shown, "plan")
        == 'plan – – multiple: a list, none twice; enum; 1 to 2 entries; one of "b" ("Basic"), "p", 3'
    )
    assert (
        row(shown, "days") == 'days – – multiple: a list, none twice; checkbox; at least 1 entries; one of "mon", "tue"'
    )
    assert row(shown, "size") == 'size – – number; at least 1.5; "In metres"'
    assert row(shown, "code") == 'code – – at most 8 characters; matches "[A-Z]+"; such as "AB"'
    assert row(shown, "far").endswith("10, 11, … (20 in all)")


async def test_context_never_shows_a_sensitive_value(pair: Open) -> None:
    peer = await pair()
    await peer.edit("iban", "DE89370400440532013000")
    result = await ask("get-context", *session_of(peer))
    assert row(result.stdout, "iban").startswith("iban (hidden) person hidden from the agent")
    assert "DE89" not in result.output


async def test_context_of_a_session_without_a_form_shows_its_values(pair: Open) -> None:
    peer = await pair(body={"mode": "default", "data": {"room": "kitchen"}, "meta": {"page": "Thermostat"}})
    result = await ask("get-context", *session_of(peer))
    assert row(result.stdout, "room") == 'room "kitchen" default'
    assert 'About the page: {"page": "Thermostat"}' in result.stdout
    assert "missing" not in for_people(result.stdout)


async def test_context_of_an_empty_session_says_so(pair: Open) -> None:
    peer = await pair(body={"mode": "default"})
    assert "It has no fields yet." in (await ask("get-context", *session_of(peer))).stdout


async def test_action_writes_and_says_what_is_still_missing(pair: Open) -> None:
    peer = await pair()
    result = await ask("action", "--prompt", "-", "--set", "age=36", "--set-text", "email=a@b.cd", text=prompt_of(peer))
    assert result.exit_code == Exit.DONE
    assert "2 written, 0 refused" in result.stdout
    assert "Still missing: name" in result.stdout
    assert marked_json(result.stdout)["applied"] == ["age", "email"]
    assert {key: record["value"] for key, record in (await peer.context())["context"].items() if record["value"]} == {
        "age": 36,
        "email": "a@b.cd",
    }


async def test_action_sets_text_fields_to_text_whatever_it_looks_like(pair: Open) -> None:
    schema = [
        {"key": "phone", "type": "string"},
        {"key": "age", "type": "integer"},
        {"key": "size", "type": "enum", "options": ["36", "38"]},
        {"key": "langs", "type": "string", "multiple": True},
    ]
    peer = await pair(body={"mode": "form-fill", "schema": schema})
    values = ["--set", "phone=170123456", "--set", "age=36", "--set", "size=36", "--set", "langs=en"]
    result = await ask("action", *session_of(peer), *values)
    assert (result.exit_code, "4 written, 0 refused" in result.stdout) == (Exit.DONE, True)
    written = {key: record["value"] for key, record in (await peer.context())["context"].items()}
    assert written == {"phone": "170123456", "age": 36, "size": "36", "langs": ["en"]}


async def test_action_says_what_was_refused_and_why(pair: Open) -> None:
    peer = await pair()
    await peer.edit("name", "Ada")
    result = await ask("action", *session_of(peer), "--data", '{"name": "Grace", "age": "old", "email": "a@b.cd"}')
    assert result.exit_code == Exit.REFUSED
    assert "1 written, 2 refused" in result.stdout
    assert row(result.stdout, "email") == "email written"
    assert row(result.stdout, "name").startswith("name refused user_locked: ")
    assert row(result.stdout, "age").startswith("age refused invalid_value: ")
    assert "Nothing that is required is missing." in result.stdout


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["action", "--set", "email=a@b.cd"], Exit.DONE),
        (["action", "--set", "email=a@b.cd", "--set", "age=old"], Exit.REFUSED),
        (["action", "--set", "name=Grace", "--set", "age=old"], Exit.ALL_REFUSED),
        (["suggest", "--set", "name=Grace"], Exit.DONE),
        (["suggest", "--set", "name=Grace", "--set", "age=old"], Exit.REFUSED),
        (["suggest", "--set", "age=old"], Exit.ALL_REFUSED),
    ],
    ids=lambda value: value.name if isinstance(value, Exit) else value[0],
)
async def test_the_exit_code_tells_none_some_and_all_fields_refused_apart(
    pair: Open, command: list[str], expected: Exit
) -> None:
    peer = await pair()
    await peer.edit("name", "Ada")
    assert (await ask(*command, *session_of(peer))).exit_code == expected


@pytest.mark.parametrize("command", ["get-context", "action", "suggest", "ask", "paste", "extend", "get-diff", "watch"])
def test_help_names_every_exit_code_in_few_lines_and_that_of_all_explains_them(command: str) -> None:
    _, _, named = run(command, "--help").stdout.partition("Exit codes:")
    explained = run("--help").stdout
    assert re.findall(r"\d+", named) == [str(code.value) for code in Exit]
    assert len(named.splitlines()) <= 4
    assert all(f"  {code.value}  {meaning}" in explained for code, meaning in MEANINGS.items())


async def test_action_in_json_ends_in_the_same_way(pair: Open) -> None:
    peer = await pair()
    result = await ask("action", *session_of(peer), "--set", "age=old", "--json")
    assert result.exit_code == Exit.ALL_REFUSED
    assert json.loads(result.stdout)["results"][0]["code"] == "invalid_value"


@pytest.mark.parametrize("arguments", [[], ["--no-stream"], ["--interval-ms", "0"], ["--interval", "100"]])
async def test_action_says_how_it_is_to_be_shown(arguments: list[str], serve: Serve) -> None:
    asked: list[dict[str, Any]] = []

    async def action(request: Request) -> Response:
        asked.append(await request.json())
        return JSONResponse({"ok": True, "applied": ["a"], "rejected": [], "errors": []})

    url = await serve(Starlette(routes=[Route("/handshake/action/{sid}", action, methods=["POST"])]))
    parts = ["--sid", SESSION_ID, "--token", TOKEN, "--base", url]
    result = await ask("action", *parts, "--set-text", "a=1", *arguments)
    assert result.exit_code == Exit.DONE
    (body,) = asked
    assert (body["stream"], body["intervalMs"]) == {
        "": (True, 300),
        "--no-stream": (False, 300),
        "--interval-ms": (True, 0),
        "--interval": (True, 100),
    }[arguments[0] if arguments else ""]


async def test_action_adds_moves_and_removes_rows(pair: Open) -> None:
    peer = await pair(body=LINES)
    empty = (await ask("get-context", *session_of(peer))).stdout
    assert (row(empty, "lines/ROW/amount"), "lines/ROW/date" in empty) == ("lines/ROW/amount – – number", True)
    rows = ["--add", 'lines={"date": "2026-05-04"}', "--add", "lines", "--add", "lines"]
    added = await ask("action", *session_of(peer), *rows)
    assert (added.exit_code, "3 written, 0 refused" in added.stdout) == (Exit.DONE, True)
    assert re.findall(r"^  lines +written  row (r\d)$", for_people(added.stdout), re.MULTILINE) == ["r1", "r2", "r3"]
    values = ["--set", "lines/r3/amount=12.5", "--move", "lines/r3=first", "--remove", "lines/r2"]
    assert (await ask("action", *session_of(peer), *values)).exit_code == Exit.DONE
    shown = (await ask("get-context", *session_of(peer))).stdout
    assert row(shown, "lines") == "lines rows r3, r1 – rows; at most 5 rows"
    cells = re.findall(r"^  lines/(\S+)", for_people(shown), re.MULTILINE)
    assert cells == ["r3/date", "r3/amount", "r1/date", "r1/amount"]
    assert row(shown, "lines/r3/amount") == "lines/r3/amount 12.5 agent number"
    assert row(shown, "lines/r3/date").startswith("lines/r3/date – –")


async def test_options_of_a_lookup_are_listed(serve: Serve) -> None:
    asked: list[dict[str, str]] = []

    async def options(request: Request) -> Response:
        asked.append(dict(request.query_params))
        found = [{"value": "osl", "label": "Oslo"}, "brg"] if "q" in request.query_params else []
        return JSONResponse({"key": "city", "options": found, "truncated": bool(found)})

    parts = ["--sid", SESSION_ID, "--token", TOKEN, "--base"]
    parts.append(await serve(Starlette(routes=[Route("/handshake/options/{sid}", options)])))
    found = await ask("options", "city", "os", *parts)
    assert for_people(found.stdout).startswith(
        '  "osl" ("Oslo")\n  "brg"\nThere are more: give other or more letters.\n'
    )
    assert "There are none with these letters." in (await ask("options", "city", *parts)).stdout
    assert asked == [{"key": "city", "q": "os"}, {"key": "city"}]


async def test_diff_tells_the_order_of_rows(pair: Open) -> None:
    peer = await pair(body=LINES)
    cursor = (await peer.context())["cursor"]
    await ask("action", *session_of(peer), "--add", "lines")
    told = (await ask("get-diff", *session_of(peer), "--since", cursor)).stdout
    assert "No changes of values" in told
    assert "\nlines has rows r1 now\n" in told


async def test_problems_conditions_and_what_is_the_person_s_are_shown(serve: Serve) -> None:
    async def context(_: Request) -> Response:
        schema = [
            {"key": "vat", "showIf": {"key": "kind", "in": ["company"]}},
            {"key": "consent", "type": "boolean", "by": "person", "required": True},
        ]
        members = {"hidden": ["vat"], "missing": [], "missingPerson": ["consent"], "problemsUnknown": True}
        problems = [{"keys": ["from", "to"], "msg": "Too late"}, {"keys": [], "msg": "Sum"}]
        common = {"sessionId": SESSION_ID, "mode": "form-fill", "context": {}, "schema": schema}
        return JSONResponse(common | members | {"problems": problems})

    url = await serve(Starlette(routes=[Route("/handshake/context/{sid}", context)]))
    shown = (await ask("get-context", "--sid", SESSION_ID, "--token", TOKEN, "--base", url)).stdout
    assert row(shown, "vat") == 'vat – – not shown now; shown if "kind" is "company"'
    assert row(shown, "consent") == "consent – – missing; the person's to fill; boolean"
    for line in (
        "Nothing that is required is missing.",
        "Still missing, for the person to fill: consent",
        'Problem: from, to: "Too late"',
        'Problem: "Sum"',
        "Whether there are more problems is not known.",
    ):
        assert f"\n{line}\n" in shown


async def test_diff_shows_who_changed_what_and_where_to_go_on(pair: Open) -> None:
    peer = await pair()
    cursor = (await peer.context())["cursor"]
    await peer.act({"age": 36})
    await peer.edit("name", "Ada")
    result = await ask("get-diff", *session_of(peer), "--since", cursor)
    assert "2 changes" in result.stdout
    rows = re.findall(r"^  \d\d:\d\d:\d\d  (\w+) +(\w+) +(\S+)$", for_people(result.stdout), re.MULTILINE)
    assert rows == [("age", "agent", "36"), ("name", "person", '"Ada"')]
    (onwards,) = re.findall(r"^Go on with: --since '(\S+)'$", result.stdout, re.MULTILINE)
    assert onwards == marked_json(result.stdout)["cursor"]
    again = await ask("get-diff", *session_of(peer), "--since", onwards)
    assert "No changes" in again.stdout


async def test_diff_waits_for_the_person_and_no_longer_than_asked(serve: Serve) -> None:
    waits: list[float] = []

    async def diff(request: Request) -> Response:
        waits.append(float(request.query_params["wait"]))
        return JSONResponse({"changes": [], "cursor": "1-1"})

    url = await serve(Starlette(routes=[Route("/handshake/diff/{sid}", diff)]))
    result = await ask("get-diff", "--sid", SESSION_ID, "--token", TOKEN, "--base", url, "--wait", "7.5")
    assert (result.exit_code, waits) == (Exit.DONE, [7.5])


@pytest.mark.parametrize("arguments", [["--wait", "0.05"], []], ids=["waited", "server says so"])
async def test_a_diff_that_ran_out_is_said_to_be_no_answer(arguments: list[str], serve: Serve) -> None:
    async def diff(_: Request) -> Response:
        return JSONResponse({"changes": [], "cursor": "1-1", "timedOut": True})

    url = await serve(Starlette(routes=[Route("/handshake/diff/{sid}", diff)]))
    result = await ask("get-diff", "--sid", SESSION_ID, "--token", TOKEN, "--base", url, *arguments)
    assert result.exit_code == Exit.DONE
    assert re.search(r"^No answer( within 0\.05 s)?\. .* is not an answer", result.stdout, re.MULTILINE)
    assert marked_json(result.stdout)["timedOut"] is True


async def test_a_diff_that_was_not_waited_for_is_no_missing_answer(pair: Open) -> None:
    peer = await pair()
    assert "answer" not in (await ask("get-diff", *session_of(peer))).stdout


async def test_diff_says_when_changes_may_have_been_missed(pair: Open) -> None:
    peer = await pair()
    assert "read get-context again" in (await ask("get-diff", *session_of(peer), "--since", "nonsense")).stdout


async def test_extend_says_what_was_granted(pair: Open) -> None:
    peer = await pair(HandshakeApp(ttl=600))
    result = await ask("extend", *session_of(peer), "--extra-seconds", "3600")
    assert "Extended by 1 h, 1 h 10 min left" in result.stdout
    assert marked_json(result.stdout)["extended"] == 3600


async def test_the_name_of_the_agent_is_sent(serve: Serve) -> None:
    names: list[str | None] = []

    async def context(request: Request) -> Response:
        names.append(request.headers.get("X-Agent-Name"))
        return JSONResponse({"sessionId": SESSION_ID, "mode": "default", "data": {}})

    url = await serve(Starlette(routes=[Route("/hpp/context/{sid}", context)]))
    parts = ["--sid", SESSION_ID, "--token", TOKEN, "--base", url, "--prefix", "/hpp"]
    await ask("get-context", *parts, "--name", "Ada's agent")
    await ask("get-context", *parts, variables={"HANDSHAKE_AGENT_NAME": "Another"})
    await ask("get-context", *parts)
    assert names[:2] == ["Ada's agent", "Another"]


async def test_replies_of_version_0_2_are_shown_as_far_as_they_go(serve: Serve) -> None:
    async def context(_: Request) -> Response:
        return JSONResponse({"sessionId": SESSION_ID, "mode": "default", "data": {"room": "hall"}, "expiresIn": 59})

    async def action(_: Request) -> Response:
        errors = [{"key": "b", "msg": "wrong type"}, {"action": {"type": "get"}, "msg": "unsupported"}]
        return JSONResponse({"ok": True, "applied": ["c"], "rejected": ["a"], "errors": errors})

    routes = [Route("/handshake/context/{sid}", context), Route("/handshake/action/{sid}", action, methods=["POST"])]
    parts = ["--sid", SESSION_ID, "--token", TOKEN, "--base", await serve(Starlette(routes=routes))]
    read = (await ask("get-context", *parts)).stdout
    assert row(read, "room") == 'room "hall" –'
    assert "59 s left" in read
    written = await ask("action", *parts, "--set", "a=1")
    assert written.exit_code == Exit.REFUSED
    assert "1 written, 3 refused" in written.stdout
    assert row(written.stdout, "a") == "a refused the person wrote it, or the page does not allow it"
    assert row(written.stdout, "b") == 'b refused "wrong type"'
    assert row(written.stdout, "–") == '– refused "unsupported"'


# How they end


async def revoked(peer: Peer) -> None:
    assert (await peer.user("DELETE", "session")).status_code == 200


async def rotated(peer: Peer) -> None:
    assert (await peer.user("POST", "rotate", {})).status_code == 200


@pytest.mark.parametrize("command", [["get-context"], ["action", "--set", "age=1"], ["get-diff"], ["extend"]])
@pytest.mark.parametrize(
    ("end", "exit_code", "code"),
    [
        pytest.param(revoked, Exit.ENDED, "session_revoked", id="revoked"),
        pytest.param(rotated, Exit.CREDENTIAL, "invalid_token", id="rotated"),
    ],
)
async def test_a_session_that_is_over_ends_each_command(
    command: list[str], end: Any, exit_code: Exit, code: str, pair: Open
) -> None:
    peer = await pair()
    await end(peer)
    result = await ask(*command, *session_of(peer), "--json")
    assert result.exit_code == exit_code
    reported = json.loads(result.stdout)
    assert (reported["ok"], reported["code"], reported["retryable"]) == (False, code, False)
    error, next_step = result.stderr.splitlines()
    assert error == f"Error: {reported['detail']}"
    assert next_step == f"Next: {reported['nextSteps'][0]}"
    assert peer.token not in result.output


async def test_a_session_that_was_over_before_cannot_be_watched(pair: Open) -> None:
    peer = await pair()
    await revoked(peer)
    ended = await piped("watch", *session_of(peer), "--json")
    assert ended.exit_code == Exit.ENDED
    assert json.loads(ended.stdout)["code"] == "session_revoked"


@pytest.mark.parametrize(
    ("status", "answer", "exit_code"),
    [
        pytest.param(403, {"code": "denied", "detail": "Not today"}, Exit.OTHER, id="denied"),
        pytest.param(409, {"code": "lifetime_exhausted"}, Exit.OTHER, id="exhausted"),
        pytest.param(403, {"error": "invalid token"}, Exit.CREDENTIAL, id="token-0.2"),
        pytest.param(404, {"error": "session not found or expired"}, Exit.ENDED, id="ended-0.2"),
        pytest.param(429, {"code": "rate_limited", "retryAfter": 60}, Exit.UNAVAILABLE, id="rate"),
        pytest.param(500, {"code": "internal_error"}, Exit.UNAVAILABLE, id="fault"),
        pytest.param(503, {"code": "store_unavailable", "retryAfter": 60}, Exit.UNAVAILABLE, id="store"),
        pytest.param(200, ["no object"], Exit.OTHER, id="another-protocol"),
        pytest.param(307, {}, Exit.OTHER, id="redirect"),
    ],
)
async def test_what_the_server_says_decides_the_exit_code(
    status: int, answer: Any, exit_code: Exit, serve: Serve
) -> None:
    async def context(_: Request) -> Response:
        return JSONResponse(answer, status, {"Location": "https://example.com"})

    url = await serve(Starlette(routes=[Route("/handshake/context/{sid}", context)]))
    parts = ["--sid", SESSION_ID, "--token", TOKEN, "--base", url, "--timeout", "10"]
    result = await ask("get-context", *parts)
    assert result.exit_code == exit_code
    assert result.stdout == ""
    assert re.fullmatch(r"Error: .+\nNext: .+\n", result.stderr)
    assert TOKEN not in result.stderr


async def test_a_server_that_is_not_there_is_said_to_be_unreachable() -> None:
    parts = ["--sid", SESSION_ID, "--token", TOKEN, "--base", "http://127.0.0.1:9", "--timeout", "1"]
    result = await ask("get-context", *parts, "--json")
    assert result.exit_code == Exit.UNAVAILABLE
    assert json.loads(result.stdout)["retryable"] is True
    assert "127.0.0.1:9" in result.stderr


UNUSABLE = {"ALL_PROXY": "socks5://127.0.0.1:1", "SSL_CERT_FILE": "/nowhere", "SSLKEYLOGFILE": "/nowhere/keys"}


async def test_surroundings_that_cannot_be_used_are_named_with_the_remedy() -> None:
    parts = ["--sid", SESSION_ID, "--token", TOKEN, "--base", "https://forms.example"]
    ended = await piped("get-context", *parts, variables=UNUSABLE)
    assert (ended.exit_code, ended.stdout) == (Exit.USAGE, "")
    assert re.fullmatch(r"Error: The certificates .+\nNext: Correct or unset SSL_CERT_FILE.+\n", ended.stderr)


async def test_surroundings_do_not_matter_on_this_machine(pair: Open) -> None:
    peer = await pair()
    ended = await piped("get-context", *session_of(peer), variables={**UNUSABLE, "NO_PROXY": "[::1],fd00::/8"})
    assert (ended.exit_code, ended.stderr) == (Exit.DONE, "")


# As processes, with pipes


async def test_one_command_line_reads_a_prompt_from_a_pipe_and_fills_in_the_form(pair: Open) -> None:
    peer = await pair()
    ended = await piped("action", "--prompt", "-", "--set", "name=Ada", "--set", "age=36", text=prompt_of(peer))
    assert (ended.exit_code, ended.stderr) == (0, "")
    assert "\x1b" not in ended.stdout
    assert marked_json(ended.stdout)["applied"] == ["name", "age"]


async def test_data_is_read_from_a_pipe(pair: Open) -> None:
    peer = await pair()
    ended = await piped("action", *session_of(peer), "--data", "-", "--json", text='{"name": "Åsa"}')
    assert json.loads(ended.stdout)["applied"] == ["name"]
    assert (await peer.context())["context"]["name"]["value"] == "Åsa"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
async def test_output_stands_every_encoding(encoding: str, pair: Open) -> None:
    peer = await pair()
    await peer.act({"name": "Åsa 中 \U0001f600"})
    variables = {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0", "LC_ALL": "C", "HANDSHAKE_PROMPT": prompt_of(peer)}
    process = await asyncio.create_subprocess_exec(
        *COMMAND, "get-context", stdout=asyncio.subprocess.PIPE, env=environment(variables)
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    assert marked_json(out.decode(encoding))["context"]["name"]["value"] == "Åsa 中 \U0001f600"


async def test_an_error_is_the_same_through_pipes() -> None:
    ended = await piped("get-context", "--prompt", "-", text="Hello")
    assert (ended.exit_code, ended.stdout) == (Exit.USAGE, "")
    assert ended.stderr.startswith("Error: No line for sessionId")


@pytest.mark.parametrize(
    ("redirection", "exit_code", "said"),
    [
        pytest.param("> /dev/full", 1, "Cannot write the output: No space left on device.", id="disk full"),
        pytest.param(">&-", 0, "", id="output closed"),
        pytest.param("--prompt - <&-", 2, "the prompt from standard input: it is closed.", id="input closed"),
    ],
)
async def test_streams_that_cannot_be_used_are_no_traceback(
    redirection: str, exit_code: int, said: str, pair: Open
) -> None:
    peer = await pair()
    variables = {} if "--prompt" in redirection else {"HANDSHAKE_PROMPT": prompt_of(peer)}
    process = await asyncio.create_subprocess_shell(
        f"{shlex.join(COMMAND)} get-context {redirection}", stderr=asyncio.subprocess.PIPE, env=environment(variables)
    )
    _, errors = await process.communicate()
    assert process.returncode == exit_code
    assert said in errors.decode()
    assert "Traceback" not in errors.decode()


async def test_a_command_whose_output_nobody_reads_any_more_ends_as_others_do_and_not_as_refused(pair: Open) -> None:
    peer = await pair()
    read_end, write_end = os.pipe()
    os.close(read_end)
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        *("action", "--set", "name=Ada"),
        stdout=write_end,
        stderr=asyncio.subprocess.PIPE,
        env=environment({"HANDSHAKE_PROMPT": prompt_of(peer)}),
    )
    os.close(write_end)
    _, errors = await process.communicate()
    assert (process.returncode, errors) == (128 + signal.SIGPIPE, b"")
    assert (await peer.context())["context"]["name"]["value"] == "Ada"
