"""Answers as elements of XML, and as tables of HTML: read as the objects and rows that they stand for, or refused."""

from __future__ import annotations

import pytest

from handshake_prompt.texts.answers.answer import UnreadableAnswerError
from handshake_prompt.texts.answers.field_names import FieldNames
from handshake_prompt.texts.answers.reader import read_answer

NAMES = FieldNames(["name", "age", "email", "tags", "code", "home/street"], {"Full name": "name"})
VALUES = {"name": "Ann & Co", "age": "36"}
READ = {
    "elements of fields": "<handshake><fields><name>Ann &amp; Co</name><age>36</age></fields></handshake>",
    "fields alone": "Here:\n<fields>\n  <name>Ann &amp; Co</name>\n  <age>36</age>\n</fields>\nDone.",
    "fields right in the block": "<handshake>\n<name>Ann &amp; Co</name>\n<AGE>36</AGE>\n</handshake>",
    "named by attributes": "<fields><field key='name'>Ann &amp; Co</field><field name=\"age\">36</field></fields>",
    "values as attributes": '<fields><field id="name" value="Ann &amp; Co"/><field id="age" value="36" /></fields>',
    "labels as attributes": '<fields><field label="Full name">Ann &amp; Co</field>'
    '<field label="age">36</field></fields>',
    "pairs of elements": "<fields><field><key>name</key><value>Ann &amp; Co</value></field>"
    "<field><key>age</key><value>36</value></field></fields>",
    "a declaration and comments": '<?xml version="1.0"?>\n<!-- mine -->\n<answer><fields>'
    "<name>Ann &amp; Co</name><!-- so --><age>36</age></fields></answer>",
    "a prefix": "<hpp:fields><hpp:name>Ann &amp; Co</hpp:name><hpp:age>36</hpp:age></hpp:fields>",
    "bold values": "<fields><name><b>Ann</b> &amp; Co</name><age><strong>36</strong></age></fields>",
    "character data": "<fields><name><![CDATA[Ann & Co]]></name><age>36</age></fields>",
    "JSON within": '<fields>{"name": "Ann & Co", "age": "36"}</fields>',
    "a fence of XML": "```xml\n<fields>\n<name>Ann &amp; Co</name>\n<age>36</age>\n</fields>\n```",
    "no element around in a block": "```handshake\n<name>Ann &amp; Co</name>\n<age>36</age>\n```",
    "one element around in a block": "```handshake\n<answer><name>Ann &amp; Co</name>\n<age>36</age></answer>\n```",
    "a call": '<function_calls><invoke name="set_fields"><parameter name="fields">{"name": "Ann & Co", "age": "36"}'
    "</parameter></invoke></function_calls>",
    "a call without JSON": '<invoke name="fill"><parameter name="name">Ann &amp; Co</parameter>'
    '<parameter name="age">36</parameter></invoke>',
    "prose and an object in an element": 'So <response>it is <b>this</b>: {"name": "Ann & Co", "age": "36"}</response>',
    "an object as code": '<pre><code>{"fields": {"name": "Ann & Co", "age": "36"}}</code></pre>',
    "a table": "<table><tr><th>Field</th><th>Value</th></tr><tr><td>name</td><td>Ann &amp; Co</td></tr>"
    "<tr><td><b>age</b></td><td>36</td></tr></table>",
    "a table without ends": "<TABLE>\n<TR><TH>Key<TH>New value\n"
    "<TR><TD>Full name<TD>Ann\n &amp; Co\n<TR><TD>age<TD>36\n</TABLE>",
    "a table without a head in a block": "```handshake\n<table><tr><td>name</td><td>Ann &amp; Co</td></tr>\n"
    "<tr><td>age</td><td>36</td></tr></table>\n```",
    "two, the last counts": "<fields><name>Bob</name></fields> No:\n<fields><name>Ann &amp; Co</name>"
    "<age>36</age></fields>",
}


@pytest.mark.parametrize("text", READ.values(), ids=READ)
def test_elements_are_read_as_the_fields_that_they_name(text: str) -> None:
    assert read_answer(text, NAMES).fields == VALUES


def test_members_of_an_answer_lists_and_groups_are_read_from_elements() -> None:
    found = read_answer(
        "<handshake><code>7-abcdefgh23</code>"
        "<fields><tags><tag>a</tag><tag>b</tag></tags><home><street>A 1</street></home></fields>"
        "<add><lines><row><amount>1</amount></row></lines></add>"
        "<suggest><name>Bob</name></suggest><ask>Sure?</ask></handshake>",
        FieldNames(["name", "tags", "home/street", "lines"]),
    )
    assert (found.code, found.fields) == ("7-abcdefgh23", {"tags": ["a", "b"], "home": {"street": "A 1"}})
    assert [one[:2] for one in found.add + found.suggest] == [("lines", {"amount": "1"}), ("name", "Bob")]
    assert found.ask == [{"text": "Sure?"}]


def test_an_element_without_a_value_is_told_and_the_others_are_read() -> None:
    found = read_answer("<fields>\n<name></name>\n<age>36</age>\n</fields>", NAMES)
    assert (found.fields, [(fault.line, fault.msg) for fault in found.faults]) == (
        {"age": "36"},
        [(2, "there is no value here")],
    )


REFUSED = {
    "an element that is not closed": ("<fields>\n<name>Ann\n<age>36</age>\n</fields>", 4, "not closed"),
    "an element cut off": ("<fields>\n<name>Ann</name>\n<age>3", 1, "not closed"),
    "text beside elements": ("<fields>\n<name>Ann</name>\nor Bob\n</fields>", 1, "beside"),
    "text beside elements in a block": ("```handshake\n<name>Ann</name> or Bob\n```", 2, "beside"),
    "a field twice": ("<fields>\n<name>Ann</name>\n<age>1</age>\n<name>Bob</name></fields>", 4, "twice"),
    "a field twice by its label": (
        '<fields>\n<name>Ann</name>\n<field label="Full name">Bob</field>\n</fields>',
        3,
        "two values",
    ),
    "a key with another's label": ('<fields>\n<field key="age" label="Full name">Ann</field>\n</fields>', 2, "several"),
    "a key with another's label, in elements": (
        "<fields>\n<field><key>age</key><label>Full name</label><value>Ann</value></field></fields>",
        2,
        "several",
    ),
    "lines further in": ("<fields>\n<name>Ann\n  Lee</name>\n</fields>", 2, "several lines"),
    "broken JSON": ('<fields>\n<tags>["a",\n"b</tags></fields>', 3, "breaks off"),
    "deep nesting": ("<fields>" + "<a>" * 99, 1, "too deeply"),
    "a cell over two columns": (
        "<table><tr><th>Field</th><th>Value</th></tr>\n<tr><td colspan=2>name</td></tr></table>",
        2,
        "spans others",
    ),
    "a table in a block with an unknown field": (
        "```handshake\n<table><tr><td>name</td><td>Ann</td></tr>\n<tr><td>mood</td><td>good</td></tr></table>\n```",
        3,
        "no field",
    ),
    "two tables in a block": (
        "```handshake\n<table><tr><td>name</td><td>Ann</td></tr></table>\n<table><tr><td>age</td><td>1</td></tr></table>\n```",
        3,
        "several tables",
    ),
    "a tool that reads": (
        '<invoke name="get_context"><parameter name="name">x</parameter></invoke>',
        1,
        "writes nothing",
    ),
}


@pytest.mark.parametrize(("text", "line", "msg"), REFUSED.values(), ids=REFUSED)
def test_elements_of_two_meanings_are_refused_with_their_line(text: str, line: int, msg: str) -> None:
    try:
        found = read_answer(text, NAMES)
    except UnreadableAnswerError as error:
        faults = error.faults
    else:
        assert found.fields.keys() <= {"tags"}
        faults = found.faults
    assert faults
    assert (faults[0].line, msg in faults[0].msg) == (line, True), faults
