"""Lines of an agent's answer: read as fields where they name them in one way, else refused with their number."""

from __future__ import annotations

from html import escape
from typing import Any

import pytest
from hypothesis import assume, given, strategies as st

from handshake_prompt.texts.answers.answer import Loose, UnreadableAnswerError
from handshake_prompt.texts.answers.field_names import FieldNames
from handshake_prompt.texts.answers.reader import read_answer

NAMES = FieldNames(
    ["name", "age", "email", "note", "tags", "home/street", "birth_date"],
    {"Full name": "name", "E-mail": "email", "姓名": "name"},
)
VALUES = {"name": "Ann Lee", "age": "36", "email": "ann@shop.example"}


def fenced(*lines: str) -> str:
    return "Here:\n```handshake\n" + "\n".join(lines) + "\n```\nDone."


READ = {
    "plain": ["name: Ann Lee", "age: 36", "email: ann@shop.example"],
    "labels": ["Full name: Ann Lee", "Age: 36", "E-mail: ann@shop.example"],
    "labels in other case": ["full NAME: Ann Lee", "AGE: 36", "e mail: ann@shop.example"],
    "Chinese labels and colons": ["姓名：Ann Lee", "age：36", "email：ann@shop.example"],
    "labels with keys": ["Full name (name): Ann Lee", "Age (`age`): 36", "E-mail（email）: ann@shop.example"],
    "marks of what is required": ["Full name*: Ann Lee", "age *: 36", "*E-mail*: ann@shop.example"],
    "quoted as in YAML": ["fields:", '  name: "Ann Lee"', "  age: 36", "  email: 'ann@shop.example'"],
    "under a head of TOML": ["[fields]", 'name = "Ann Lee"', "age = 36", 'email = "ann@shop.example"'],
    "under a code of TOML": [
        'code = "7-abcdefgh23"',
        "",
        "[fields]",
        'name = "Ann Lee"',
        "age = 36",
        "email = ann@shop.example",
    ],
    "assigned as in TOML": ['name = "Ann Lee"', "age = 36", 'email = "ann@shop.example"'],
    "members of JSON": ['"name": "Ann Lee"', '"age": 36,', '"email": "ann@shop.example"'],
    "typographic quotes": ["“name”: “Ann Lee”", "“age”: 36", "«email»: ‘ann@shop.example’"],
    "long dashes": ["— name: Ann Lee", "— age: 36", "— email: ann@shop.example"],
    "dots": ["· name: Ann Lee", "· age: 36", "· email: ann@shop.example"],
    "numbers beyond ten": ["9. name: Ann Lee", "10. age: 36", "11) email: ann@shop.example"],
    "some with marks of a list": ["name: Ann Lee", "- age: 36", "* email: ann@shop.example"],
    "values in bold and italic": ["name: **Ann Lee**", "age: *36*", "email: ***ann@shop.example***"],
    "lines in bold": ["**name: Ann Lee**", "- **age: 36**", "__email: ann@shop.example__"],
    "lines as code": ["`name: Ann Lee`", "* `age: 36`", "`email: ann@shop.example`"],
    "lines in italics": ["*name: Ann Lee*", "*age: 36*", "*email: ann@shop.example*"],
    "keys with colons in italics": ["*name:* Ann Lee", "_age:_ 36", "__email:__ ann@shop.example"],
    "keys with colons and spaces in bold": ["**name: **Ann Lee", "**age: ** 36", "***email:*** ann@shop.example"],
    "French quotes": ["name: « Ann Lee »", "age: 36", "email: «\u202fann@shop.example\u202f»"],
    "values as code": ["name: `Ann Lee`", "age: `36`", "email: `ann@shop.example`"],
    "links": ["name: Ann Lee", "age: 36", "email: [ann@shop.example](mailto:ann@shop.example)"],
    "addresses in angle brackets": ["name: Ann Lee", "age: 36", "email: <ann@shop.example>"],
    "commas at the end": ["name: Ann Lee,", "age: 36,", "email: ann@shop.example"],
    "semicolons at the end": ["name: Ann Lee;", "age: 36;", "email: ann@shop.example;"],
    "line breaks of HTML": ["name: Ann Lee<br>", "age: 36<br/>", "email: ann@shop.example<br />"],
    "tabs": ["name:\tAnn Lee", "age:\t36", "email:\tann@shop.example"],
    "indented": ["    name: Ann Lee", "    age: 36", "    email: ann@shop.example"],
    "quoted": ["> name: Ann Lee", "> age: 36", "> email: ann@shop.example"],
    "no-break spaces": ["name:\xa0Ann Lee", "age:\xa036", "email:\xa0ann@shop.example"],
    "rules between": ["name: Ann Lee", "---", "age: 36", "---", "email: ann@shop.example"],
    "escaped keys": [r"na\me: x", "name: Ann Lee", "age: 36", "email: ann@shop.example"][1:],
    "a fence within": ["```yaml", "name: Ann Lee", "age: 36", "email: ann@shop.example"],
}


@pytest.mark.parametrize("lines", READ.values(), ids=READ)
def test_lines_are_read_whatever_marks_they_have(lines: list[str]) -> None:
    assert read_answer(fenced(*lines), NAMES).fields == VALUES


REFUSED: dict[str, tuple[list[str], int, str]] = {
    "a text of several lines": (["note: |", "  name: Bob said so", "age: 36"], 3, "several lines"),
    "a folded text": (["age: 36", "note: >-", "  name: Bob said so"], 4, "several lines"),
    "a line further in": (["note: first", "  age: 12 was my guess", "name: Ann"], 4, "further in"),
    "a note below a field": (["- **name**: Ann Lee", "  - note: from the passport"], 4, "further in"),
    "a query string": (["name=Ann+Lee&age=36"], 3, "another field"),
    "fields on one line": (["name: Ann Lee, age: 36"], 3, "another field"),
    "fields on one line by labels": (["age: 36; Full name: Ann"], 3, "another field"),
    "fields on one line with a bar": (["name: Ann Lee | age: 36"], 3, "another field"),
    "a field within the words": (["note: ask about email: it is old"], 3, "another field"),
    "a difference": (["- name: Bob", "+ name: Ann"], 4, "no field"),
    "a list below a field": (["tags:", "  - a"], 3, "no field"),
    "a list of YAML": (["tags: [a, b]"], 3, "has to be JSON"),
    "an object of YAML": (["tags: {a: b}"], 3, "has to be JSON"),
    "an ellipsis": (["name: Ann", "age: …"], 4, "left out"),
    "an ellipsis in brackets": (["name: [...]"], 3, "left out"),
    "a comment of Python": (["age: 36  # from the passport"], 3, "comment"),
    "a comment of C": (["name: Ann // from the passport"], 3, "comment"),
    "words behind a quotation": (['name: "Ann" I think'], 3, "quotation marks"),
    "a quotation in a quotation": (["name: “Ann “the great””"], 3, "quotation marks"),
    "an apostrophe in a quotation": (["note: 'it's mine'"], 3, "quotation marks"),
    "bold type that begins in the value": (["name: Ann **Lee"], 3, "marks"),
    "bold type around two": (["**name: Ann", "age: 36**"], 4, "marks"),
    "a line in italics by underscores": (["_name: Ann_"], 3, "italics"),
    "struck out text": (["name: ~~Bob~~ Ann"], 3, "marks"),
    "a backslash of Markdown": ([r"email: ann\_lee@shop.example"], 3, "marks"),
    "a hard line break": (["name: Ann Lee\\", "age: 36"], 3, "marks"),
    "the number of a line": (["1  name: Ann"], 3, "no field"),
    "a checkbox": (["- [x] name: Ann"], 3, "no field"),
    "a heading": (["### name", "Ann"], 3, "no field"),
    "an arrow": (["name -> Ann"], 3, "no field"),
    "a dash as colon": (["name – Ann"], 3, "no field"),
    "a line of CSV": (["name,Ann Lee"], 3, "no field"),
    "an element without its end": (["<name>Ann", "<age>36</age>"], 3, "not closed"),
    "a key with another's label": (["E-mail (name): Ann"], 3, "no field"),
    "a name of its own kind": (["name (of the company): Ann Inc."], 3, "no field"),
    "a twin by key and label": (["name: Ann", "Full name: Bob"], 4, "two values"),
    "a reference to a source": (["name: Ann Lee [1]"], 3, "reference"),
    "a reference to a footnote": (["name: Ann Lee[^2]"], 3, "reference"),
    "a citation of a chat": (["name: Ann Lee【4†source】"], 3, "reference"),
    "the end of an object": (['"name": "Ann",', '"age": 36}}'], 4, "not opened"),
    "the end of a list": (["note: 36]"], 3, "not opened"),
    "a part of an answer": (["name: Ann", "suggest:"], 4, "no field"),
}


@pytest.mark.parametrize(("lines", "number", "msg"), REFUSED.values(), ids=REFUSED)
def test_lines_of_two_meanings_are_refused_with_their_number(lines: list[str], number: int, msg: str) -> None:
    with pytest.raises(UnreadableAnswerError) as caught:
        read_answer(fenced(*lines), NAMES)
    first = caught.value.faults[0]
    assert (first.line, msg in first.msg) == (number, True), caught.value.faults


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("note: email", "email"),
        ("note: see https://shop.example/?a=1", "see https://shop.example/?a=1"),
        ("note: at 10:30", "at 10:30"),
        ('note: "email: x"', "email: x"),
        (r'note: "a\nb"', "a\nb"),
        ("note: 'it''s'", "it's"),
        ("note: ’Twas", "’Twas"),
        ("note: Main St #5", "Main St #5"),
        (r"note: C:\Users", r"C:\Users"),
        ("note: [1, 2]", "[1, 2]"),
        ("note: ['a', 'b']", '["a", "b"]'),
        ("note: Tom &amp; Jerry", "Tom & Jerry"),
        ("note: Tom &", "Tom &"),
        ("note: R&amp;D <x>", "R&amp;D <x>"),
        ("note: **bold** and **bold**", "**bold** and **bold**"),
        ("note: a, b", "a, b"),
        ("note: see [1] and {x}", "see [1] and {x}"),
        ("note: [1]", "[1]"),
        ("note:\xa0no\xa0break", "no break"),
        ("note: no\xa0break", "no\xa0break"),
        ("note: \u2067آن لي\u2069", "آن لي"),
    ],
)
def test_a_value_is_read_as_it_was_written(line: str, value: str) -> None:
    assert read_answer(fenced(line), NAMES).fields == {"note": value}


def test_a_value_that_is_none_is_told_and_the_others_are_read() -> None:
    found = read_answer(fenced("name: —", "age: 36"), NAMES)
    assert (found.fields, [(fault.line, fault.msg) for fault in found.faults]) == (
        {"age": "36"},
        [(3, "there is no value here")],
    )


def test_a_quoted_value_is_text_and_another_stands_for_what_the_field_takes() -> None:
    found = read_answer(fenced('name: "36"', "age: 36"), NAMES).fields
    assert [type(value) for value in found.values()] == [str, Loose]


def test_the_prompts_code_is_read_from_a_line() -> None:
    assert read_answer(fenced("**code**: `7-abcdefghij`", "age: 36"), NAMES).code == "7-abcdefghij"


TEXT = st.text(st.characters(categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=30)
WORDS = st.lists(
    st.sampled_from(
        ["name:", "age=3", "email", "Full name：", '"', "“", "'", "|", "- ", "  ", "\t", ", ", "# ", "…", "{", "x"]
    ),
    max_size=8,
).map("".join)
FORMS: dict[str, Any] = {
    "lines": lambda pairs: fenced(*(f"{key}: {value}" for key, value in pairs)),
    "list": lambda pairs: fenced(*(f"- **{key}**: {value}" for key, value in pairs)),
    "assignments": lambda pairs: fenced(*(f"{key} = {value}" for key, value in pairs)),
    "table": lambda pairs: fenced("| Field | Value |", "|---|---|", *(f"| {key} | {value} |" for key, value in pairs)),
    "elements": lambda pairs: fenced(*(f'<field key="{key}">{escape(value)}</field>' for key, value in pairs)),
    "cells": lambda pairs: (
        "<table><tr><th>Field</th><th>Value</th></tr>"
        + "".join(f"<tr><td>{key}</td><td>{escape(value)}</td></tr>" for key, value in pairs)
        + "</table>"
    ),
    "tabs": lambda pairs: "Field\tValue\n" + "\n".join(f"{key}\t{value}" for key, value in pairs),
}


@given(
    st.dictionaries(st.sampled_from(["name", "age", "email", "note"]), TEXT | WORDS, min_size=1),
    st.sampled_from(sorted(FORMS)),
)
def test_no_value_comes_into_another_field_whatever_it_says(values: dict[str, str], form: str) -> None:
    """A value that is read is a part of what was written for its field, and of nothing else."""
    assume(all(value.strip() for value in values.values()))
    try:
        found = read_answer(FORMS[form](values.items()), NAMES).fields
    except UnreadableAnswerError:
        return
    assert found.keys() <= values.keys()
    for key, value in found.items():
        written = values[key].replace("&lt;", "<").replace("&amp;", "&")
        assert all(word in written for word in str(value).replace('"', " ").split()), (values, found)
