"""`completion`: the printed line turns shell completion on."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from handshake_prompt.cli import main
from handshake_prompt.cli.completion import COMPLETION
from tests.support.commands import run, shell


@pytest.mark.parametrize("name", COMPLETION)
def test_completion_names_the_shell_s_file_and_the_line_for_it(name: str) -> None:
    result = run("completion", name)
    assert result.stdout == COMPLETION[name][1] + "\n"
    assert COMPLETION[name][0] in result.stderr


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param("handshake-prompt get", {"plain,get-context", "plain,get-diff"}, id="command"),
        pytest.param("handshake-prompt action --set", {"plain,--set", "plain,--set-text"}, id="option"),
        pytest.param("handshake-prompt completion z", {"plain,zsh"}, id="argument"),
    ],
)
def test_commands_and_options_are_completed(words: str, expected: set[str]) -> None:
    asked = {"_HANDSHAKE_PROMPT_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    result = CliRunner().invoke(main, prog_name="handshake-prompt", env=asked)
    assert set(result.stdout.split()) == expected


async def test_the_line_for_bash_turns_completion_on(path: Path) -> None:
    line = run("completion", "bash").stdout
    printed = await shell(f"exec bash -euc '{line}complete -p handshake-prompt'", path)
    assert printed.endswith(" handshake-prompt\n")


def test_a_prompt_is_completed_as_a_file() -> None:
    (option,) = (one for one in main.commands["action"].params if "--prompt" in one.opts)
    (item,) = option.type.shell_complete(click.Context(main), option, "pro")
    assert item.type == "file"
