"""The session of a command: a prompt from anywhere, or its parts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from handshake_prompt import build_prompt
from handshake_prompt.cli.session_options import SessionOptions
from tests.support.commands import marked_json, run

SESSION_ID = "0123456789abcdef0123456789abcdef"
TOKEN = "tokentokentokentokentokentoken00"
CREATED = {"sessionId": SESSION_ID, "token": TOKEN, "mode": "form-fill", "expiresIn": 1800}
PROMPT = build_prompt(CREATED, "https://example.com")
OLD_PROMPT = f"sessionId: {SESSION_ID}\ntoken: {TOKEN}\nbaseUrl: https://example.com\nmode: default\nexpiresIn: 60s\n"
FOUND = {
    "sessionId": SESSION_ID,
    "token": TOKEN,
    "baseUrl": "https://example.com",
    "prefix": "/handshake",
    "mode": "form-fill",
    "expiresIn": 1800,
}
PARTS = ["--sid", SESSION_ID, "--token", TOKEN, "--base", "https://example.com"]


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "prompt.txt"
    path.write_text(PROMPT, "utf-8")
    return str(path)


def test_a_prompt_is_read_from_standard_input_without_being_asked_to() -> None:
    result = run("parse-prompt", text=PROMPT)
    assert result.exit_code == 0
    assert marked_json(result.stdout) == FOUND


def test_a_damaged_prompt_is_told_as_such_though_the_address_of_its_pickup_is_in_it() -> None:
    again = "\nhttps://example.com/handshake/pickup/7K3M-Q2VX-9HTD/key\n"
    told = run("parse-prompt", text=PROMPT.replace(TOKEN, TOKEN[:-1]) + again)
    assert (told.exit_code, "damaged" in told.stderr) == (2, True)
    told = run("parse-prompt", text=f"Here: {again}")
    assert (told.exit_code, "the address of a one-time code" in told.stderr) == (2, True)


def test_a_prompt_is_read_from_a_dash() -> None:
    assert marked_json(run("parse-prompt", "--prompt", "-", text=PROMPT).stdout) == FOUND


def test_a_prompt_is_read_from_a_file(file: str) -> None:
    assert marked_json(run("parse-prompt", "--prompt", file).stdout) == FOUND


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"\xef\xbb\xbf" + OLD_PROMPT.encode(), id="byte-order-mark"),
        pytest.param(OLD_PROMPT.replace("\n", "\r\n").encode(), id="carriage-returns"),
        pytest.param(b"\xff\xfe around it\n" + OLD_PROMPT.encode(), id="not-unicode"),
        pytest.param(("Zoë\n" + OLD_PROMPT).encode("latin-1"), id="latin-1"),
        pytest.param(OLD_PROMPT.encode("utf-16"), id="utf-16"),
        pytest.param(OLD_PROMPT.encode("utf-16-le"), id="utf-16-without-a-mark"),
    ],
)
def test_a_file_of_any_editor_is_read(raw: bytes, tmp_path: Path) -> None:
    path = tmp_path / "prompt.txt"
    path.write_bytes(raw)
    assert marked_json(run("parse-prompt", "--prompt", str(path)).stdout)["expiresIn"] == 60


def test_a_file_that_is_no_text_is_named_as_that(tmp_path: Path) -> None:
    path = tmp_path / "prompt.docx"
    path.write_bytes(b"PK\x03\x04" + bytes(range(256)))
    for result in (run("parse-prompt", "--prompt", str(path)), run("get-context", "--prompt", str(path))):
        assert result.exit_code == 2
        assert "prompt.docx" in result.stderr
        assert "binary data" in result.stderr


def test_a_prompt_is_read_from_the_environment() -> None:
    assert marked_json(run("parse-prompt", variables={"HANDSHAKE_PROMPT": PROMPT}).stdout) == FOUND


def test_a_prompt_that_was_named_comes_before_that_of_the_environment(file: str) -> None:
    result = run("parse-prompt", "--prompt", file, variables={"HANDSHAKE_PROMPT": OLD_PROMPT})
    assert marked_json(result.stdout) == FOUND


def test_a_prompt_can_be_the_option_itself_as_in_version_0_2() -> None:
    assert marked_json(run("parse-prompt", "--prompt", OLD_PROMPT).stdout)["mode"] == "default"


def test_the_token_is_masked_for_people_and_whole_in_the_json() -> None:
    people, _, program = run("parse-prompt", text=PROMPT).stdout.partition("[JSON-BEGIN]")
    assert TOKEN not in people
    assert "toke… (32 characters" in people
    assert TOKEN in program


def test_the_token_is_shown_to_people_who_ask_for_it() -> None:
    people = run("parse-prompt", "--show-token", text=PROMPT).stdout.partition("[JSON-BEGIN]")[0]
    assert TOKEN in people


def test_json_alone_is_json_alone() -> None:
    assert json.loads(run("parse-prompt", "--json", text=PROMPT).stdout) == FOUND


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("", "No line for sessionId, token, baseUrl", id="empty"),
        pytest.param("Hello", "No line for sessionId, token, baseUrl", id="another-text"),
        pytest.param(PROMPT.replace(TOKEN, "short"), "was damaged", id="damaged"),
        pytest.param(OLD_PROMPT.replace(TOKEN, "short"), "Malformed token", id="token"),
        pytest.param("x" * 300_000, "has more than 262144 characters", id="too-long"),
        pytest.param("é" * 2_000_000, "has more than 262144 characters", id="endless"),
    ],
)
def test_what_is_no_prompt_is_said_to_be_none(text: str, said: str) -> None:
    result = run("parse-prompt", "--json", text=text)
    assert result.exit_code == 2
    assert said in result.stderr
    reported = json.loads(result.stdout)
    assert reported["code"] == "invalid_prompt"
    assert said in reported["error"]


def test_a_bad_prompt_leaves_standard_output_empty_where_no_json_was_asked_for() -> None:
    result = run("get-context", "--prompt", "-", text="Hello")
    assert (result.exit_code, result.stdout) == (2, "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param([], "Pipe its prompt in with --prompt -", id="nothing"),
        pytest.param(["--sid", SESSION_ID], "there is no --token, --base", id="a-part"),
        pytest.param([*PARTS, "--prompt", "-"], "--prompt as well", id="both"),
        pytest.param(["--prompt", "nowhere.txt"], "Cannot read the prompt from 'nowhere.txt'", id="no-file"),
        pytest.param(["--sid", "1", *PARTS[2:]], "sessionId", id="session-id"),
        pytest.param([*PARTS[:4], "--base", "example.com"], "baseUrl", id="address"),
        pytest.param([*PARTS, "--name", "a\nb"], "name", id="name"),
        pytest.param([*PARTS, "--timeout", "0"], "--timeout", id="timeout"),
    ],
)
def test_what_cannot_name_a_session_is_a_usage_error(arguments: list[str], said: str) -> None:
    result = run("get-context", *arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert TOKEN not in result.output
    assert result.stdout == ""


def test_an_insecure_address_is_refused_before_anything_is_sent() -> None:
    result = run("get-context", *PARTS[:4], "--base", "http://example.com", "--json")
    assert result.exit_code == 2
    assert "--allow-http" in result.stderr
    assert json.loads(result.stdout)["code"] == "insecure_address"


def test_nothing_that_holds_the_token_is_in_a_repr() -> None:
    assert TOKEN not in repr(SessionOptions(prompt=PROMPT, sid=SESSION_ID, token=TOKEN, base="https://example.com"))


@pytest.mark.parametrize("command", ["get-context", "action", "get-diff", "extend", "watch"])
def test_help_says_who_can_see_a_token_and_how_a_command_ends(command: str) -> None:
    help_text = " ".join(run(command, "--help").stdout.split())
    assert "Other users of this machine can see it" in help_text
    for code in range(7):
        assert f" {code} " in help_text.partition("Exit codes:")[2]
