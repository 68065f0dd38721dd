"""Codes as people write them, and addresses of pickups in what people pass on."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from handshake_prompt.protocol.credentials import mint_pickup_code
from handshake_prompt.texts.pickup_codes import ALPHABET, find_address, group_letters, read_code
from tests.support.cost import cpu_time

CODE = "7K3MQ2VX01TD"
READ = {
    "as shown": "7K3M-Q2VX-01TD",
    "without groups": CODE,
    "lower case": "7k3m-q2vx-01td",
    "blanks": " 7K3M Q2VX  01TD\n",
    "one by one": "7.K.3.M.Q.2.V.X.0.1.T.D",
    "dashes of a word processor": "7K3M–Q2VX—01TD",
    "look-alikes": "7k3m-q2vx-oltd",
    "other look-alikes": "7K3M-Q2UX-OITD",
    "full width": "７Ｋ３Ｍ－Ｑ２ＶＸ－０１ＴＤ",
    "in a sentence": "(“7K3M-Q2VX-01TD”),",
    "in angle brackets": "<7K3M-Q2VX-01TD>.",
    "emphasised": "**`7K3M-Q2VX-01TD`**",
    "in a text of Arabic": "\u200f«\u2066\u200e7K3M-Q2VX-01TD\u200e\u2069»،\u061c",
    "hyphenated": "7K3M\xad-Q2VX-\xad01TD",
    "zero-width": "7K3M\u200b-Q2VX\u2060-01TD\ufeff",
}
UNREAD = {
    "nothing": "",
    "short": "7K3M-Q2VX-01T",
    "long": "7K3M-Q2VX-01TD-A",
    "very long": "7" * 100_000,
    "another alphabet": "7К3М-Q2VX-01TD",
    "sharp s, which becomes two letters": "7K3M-Q2VX-01ß",
    "zero": "7K3M-Q2VX-01T\0",
    "surrogate": "7K3M-Q2VX-01T\ud800",
    "slash": "7K3M/Q2VX/01TD",
    "star": "7K3M-Q2VX-01T*",
}


@pytest.mark.parametrize("text", READ.values(), ids=READ.keys())
def test_a_code_is_read_however_it_is_written(text: str) -> None:
    assert read_code(text) == CODE


@pytest.mark.parametrize("text", UNREAD.values(), ids=UNREAD.keys())
def test_what_is_no_code_is_not_read_as_one(text: str) -> None:
    assert read_code(text) is None


@given(st.text(max_size=70))
def test_any_text_is_a_code_or_none(text: str) -> None:
    code = read_code(text)
    assert code is None or (len(code) == 12 and set(code) <= set(ALPHABET))


def test_minted_codes_are_read_back_and_hidden_in_a_repr() -> None:
    codes = [mint_pickup_code() for _ in range(200)]
    assert [read_code(group_letters(code)) for code in codes] == codes
    assert len(set(codes)) == 200
    assert set("".join(codes)) == set(ALPHABET)
    assert not any(code in repr([code, group_letters(code), read_code(code)]) for code in codes)


ADDRESS = "https://example.com/handshake/pickup/7K3M-Q2VX-01TD"
FOUND = {
    "alone": (ADDRESS, None),
    "in a sentence": (f"Fill this in, please: {ADDRESS}.", None),
    "as a link": (f"[here]({ADDRESS})", None),
    "in brackets": (f"<{ADDRESS}>", None),
    "with a key": (f"{ADDRESS}/q1W2e3", "q1W2e3"),
    "encoded": (ADDRESS.replace("-", "%20"), None),
    "shouted": (ADDRESS.upper().replace("EXAMPLE.COM/HANDSHAKE", "example.com/handshake"), None),
    "behind another": (f"https://example.com/pickup/none then {ADDRESS}", None),
}


@pytest.mark.parametrize(("text", "key"), FOUND.values(), ids=FOUND.keys())
def test_an_address_is_found_in_what_a_person_passes_on(text: str, key: str | None) -> None:
    found = find_address(text)
    assert found is not None
    assert found.mount.lower() == "https://example.com/handshake"
    assert (found.code, found.key) == (CODE, key)


@pytest.mark.parametrize(
    "text", ["", CODE, "https://example.com/pickup/", f"ftp://example.com/pickup/{CODE}", "https://"]
)
def test_no_address_is_found_where_there_is_none(text: str) -> None:
    assert find_address(text) is None


@pytest.mark.parametrize("unit", ["https://", "/pickup/", "https://a/pickup/x", "a/", "7K3M-", "http://a/pickup/%"])
def test_a_long_text_is_searched_in_little_time(unit: str) -> None:
    assert cpu_time(find_address, unit * (256_000 // len(unit))) < 0.5
