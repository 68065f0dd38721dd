"""Names of fields as answers write them: one field, or none."""

from __future__ import annotations

import pytest

from handshake_prompt.texts.answers.field_names import NAME_CHARS, FieldNames

NAMES = FieldNames(
    ["name", "a_b", "a-b", "birth_date", "home/street", "größe", "zip", "NAME2", "name2", "_x_"],
    {"Full name": "name", "Zip": "zip", "Strasse": "home/street", "A b": "zip"},
)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("name", "name"),
        ("Full name", "name"),
        ("**name**", "name"),
        ("“Full name”", "name"),
        ("NAME", "name"),
        ("\u2067name\u2069", "name"),
        ("\u202aFull name\u202c", "name"),
        ("full  name", "name"),
        ("full_name", "name"),
        ("na\\me", None),
        ("birth\\_date", "birth_date"),
        ("Birth date", "birth_date"),
        ("home.street", "home/street"),
        ("STRASSE", "home/street"),
        ("gro\u0308ße", "größe"),
        ("GRÖSSE", "größe"),
        ("Name2", None),
        ("NAME2", "NAME2"),
        ("a b", None),
        ("A b", "zip"),
        ("a-b", "a-b"),
        ("_x_", "_x_"),
        ("x", "_x_"),
        ("Full name (name)", "name"),
        ("First and last name (`name`)", "name"),
        ("Zip (name)", None),
        ("name (Full name)", None),
        ("", None),
        ("mood", None),
        ("name" + " " * NAME_CHARS, None),
    ],
)
def test_a_name_stands_for_one_field_or_none(text: str, key: str | None) -> None:
    assert NAMES.key_of(text) == key
    assert NAMES.key_or_name(text) == (key or text)


def test_a_group_is_what_keys_begin_with() -> None:
    assert [NAMES.has_group(name) for name in ("home", "name", "hom")] == [True, False, False]
