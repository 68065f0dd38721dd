"""Which types hold lists is told by their names alone."""

from __future__ import annotations

import pytest

from handshake_prompt.forms.field_types import LIST, TYPES, type_of
from handshake_prompt.texts.list_types import is_list

NAMES = [*TYPES, "select-multiple", "array", "array<integer>", "array[text]", "array:enum", "array<anything>", "other"]


@pytest.mark.parametrize("has_options", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_texts_call_those_types_lists_whose_values_are_checked_as_lists(name: str, *, has_options: bool) -> None:
    unit, listed = type_of(name, has_options=has_options)
    assert is_list(name, has_options=has_options) == (listed or unit is LIST)
