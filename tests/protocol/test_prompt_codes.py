"""Codes of prompts."""

from __future__ import annotations

import pytest

from handshake_prompt.protocol.prompt_codes import prompt_code, shown_seq

SESSION, TOKEN = "0f" * 16, "a1" * 32


@pytest.mark.parametrize("seq", [0, 1, 7, 10**12])
def test_a_code_gives_back_the_place_in_the_log(seq: int) -> None:
    code = prompt_code(SESSION, TOKEN, seq)
    assert shown_seq(code, SESSION, TOKEN) == shown_seq(f" {code.upper()}\n", SESSION, TOKEN) == seq


@pytest.mark.parametrize(
    "code",
    [
        "",
        "7",
        "x" * 300,
        "7-",
        prompt_code("0e" * 16, TOKEN, 7),
        prompt_code(SESSION, "a2" * 32, 7),
        "8" + prompt_code(SESSION, TOKEN, 7)[1:],
        "-" + prompt_code(SESSION, TOKEN, 7),
        "٧" + prompt_code(SESSION, TOKEN, 7)[1:],
    ],
)
def test_another_code_is_none(code: str) -> None:
    assert shown_seq(code, SESSION, TOKEN) is None


def test_every_changed_character_makes_a_code_another() -> None:
    code = prompt_code(SESSION, TOKEN, 1234)
    changed = [code[:at] + char + code[at + 1 :] for at in range(len(code)) for char in "09az-" if code[at] != char]
    assert [one for one in changed if shown_seq(one, SESSION, TOKEN) is not None] == []
