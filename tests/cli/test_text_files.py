"""Text of files, whatever wrote them."""

from __future__ import annotations

import pytest

from handshake_prompt.cli.text_files import NotTextError, decode_text

TEXT = "- sessionId: 5\n- mode: Zoë\n"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp1252"]
)
def test_text_is_read_in_the_encoding_of_any_editor(encoding: str) -> None:
    assert decode_text(TEXT.encode(encoding)) == TEXT


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-be"])
def test_text_that_was_cut_off_within_a_character_is_read_up_to_it(encoding: str) -> None:
    raw = "ab中".encode(encoding)
    assert decode_text(raw[:-1]) == "ab"


@pytest.mark.parametrize("raw", [b"", b"\n", b"a", "中文".encode(), b"\xff\xfe around it\n"], ids=repr)
def test_short_and_strange_text_is_read(raw: bytes) -> None:
    assert "\0" not in decode_text(raw)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"PK\x03\x04\x14\x00\x00\x00\x08\x00" * 20, id="archive"),
        pytest.param(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256)), id="image"),
        pytest.param(b"\xff\xfe\x00\xd8a\x00" * 3, id="half a character in UTF-16"),
        pytest.param(b"\0", id="zero"),
    ],
)
def test_what_is_no_text_is_named_as_that(raw: bytes) -> None:
    with pytest.raises(NotTextError, match="save it as UTF-8"):
        decode_text(raw)
