"""Keys of nested values."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from handshake_prompt.forms.keys import escaped, joined, names, unescaped


@given(st.lists(st.text(min_size=1), min_size=1))
def test_any_names_are_told_from_the_key_they_make(path: list[str]) -> None:
    assert names(joined(*map(escaped, path))) == tuple(path)


@pytest.mark.parametrize(("name", "segment"), [("a/b", "a~1b"), ("a~b", "a~0b"), ("~1", "~01"), ("a", "a")])
def test_a_slash_and_a_tilde_are_escaped_as_in_a_json_pointer(name: str, segment: str) -> None:
    assert (escaped(name), unescaped(segment)) == (segment, name)
