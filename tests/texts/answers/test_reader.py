"""An agent's answer as chats hand it on: read rightly, or refused with the line that is wrong."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from handshake_prompt.texts.answers.answer import Answer, Loose, UnreadableAnswerError
from handshake_prompt.texts.answers.field_names import FieldNames
from handshake_prompt.texts.answers.reader import MAX_ANSWER_CHARS, read_answer
from tests.support.cost import counting_cost

KEYS = ("name", "age", "email", "note", "plan", "lines", "tags", "birth_date", "home/street")
NAMES = FieldNames(KEYS)
VALUES = {"name": "Ann Lee", "age": 36, "email": "ann@shop.example"}
JSON = '{"fields": {"name": "Ann Lee", "age": 36, "email": "ann@shop.example"}}'
PRETTY = json.dumps({"fields": VALUES}, indent=2)
BLOCK = f"```handshake\n{PRETTY}\n```\n"
TABLE = "| Field | Value |\n|:--|:--|\n| name | Ann Lee |\n| age | 36 |\n| email | ann@shop.example |"
SMART = PRETTY.replace('"', "“")


def typographic(text: str) -> str:
    """What an editor makes of straight quotation marks: opening and closing ones in turn."""
    pieces = text.split('"')
    return "".join(
        piece + ("“”"[number % 2] if number < len(pieces) - 1 else "") for number, piece in enumerate(pieces)
    )


READ: dict[str, str] = {
    # Where the block stands.
    "alone": BLOCK,
    "on one line": f"```handshake\n{JSON}\n```",
    "in the fence's line": f"```handshake {JSON}\n```",
    "prose around": f"Sure! Here is what I would fill in:\n\n{BLOCK}\nLet me know if anything is off.",
    "prose with braces": f"I used {{name}} and {{}}.\n\n{BLOCK}\nAnother {{thing}}: done.",
    "Chinese prose": f"好的，以下是我填写的内容：\n\n{BLOCK}\n请检查后粘贴到页面。",
    "Arabic prose": f"إليك الإجابة:\n\n{BLOCK}",
    "tildes": BLOCK.replace("```", "~~~"),
    "four backticks": BLOCK.replace("```", "````"),
    "indented": BLOCK.replace("\n", "\n    "),
    "in a list": "1. Here:\n   " + BLOCK.replace("\n", "\n   "),
    "a bullet before the fence": "- " + BLOCK.replace("\n", "\n  "),
    "quoted": "> " + BLOCK.replace("\n", "\n> "),
    "quoted twice": "> > " + BLOCK.replace("\n", "\n> > "),
    "named in capitals": BLOCK.replace("handshake", "Handshake"),
    "named json": BLOCK.replace("handshake", "json"),
    "named text": BLOCK.replace("handshake", "text"),
    "without a name": BLOCK.replace("handshake", ""),
    "fence lost": PRETTY,
    "fence lost, name left": f"handshake\nCopy code\n{PRETTY}\n",
    "fence lost, prose around": f"Here you go:\n{JSON}\nDone.",
    "in inline code": f"Paste this: `{JSON}` please.",
    "fence not closed": f"```handshake\n{PRETTY}",
    "fence not closed, prose behind": f"```handshake\n{PRETTY}\nPaste this on the page.",
    "another fence before": f'```sh\ncurl -d \'{{"fields": {{"name": "Bob"}}}}\'\n```\n{BLOCK}',
    "another fence behind": f'{BLOCK}\n```json\n{{"fields": {{"name": "Bob"}}}}\n```',
    "an example before it": f'Format: `{{"fields": …}}`\n{BLOCK}',
    "CRLF": BLOCK.replace("\n", "\r\n"),
    "CR": BLOCK.replace("\n", "\r"),
    "blank lines": BLOCK.replace("\n", "\n\n"),
    "byte order mark": "\ufeff" + BLOCK,
    # What has become of the JSON.
    "no-break spaces": BLOCK.replace(" ", "\xa0"),
    "tabs": BLOCK.replace("  ", "\t"),
    "zero-width spaces": BLOCK.replace('"', '"\u200b').replace(",", "\u200b,"),
    "typographic quotes": typographic(BLOCK),
    "opening quotes alone": f"```handshake\n{SMART}\n```",
    "German quotes": BLOCK.replace('"', "“").replace("“name“", "„name“"),
    "French quotes": "```handshake\n{«fields»: {«name»: «Ann Lee», «age»: 36, «email»: «ann@shop.example»}}\n```",
    "French quotes with spaces": "```handshake\n{« fields » : {« name » : « Ann Lee », «\u202fage\u202f»: 36,"
    " «\xa0email\xa0»: «\xa0ann@shop.example\xa0»}}\n```",
    "full-width quotes": BLOCK.replace('"', "＂"),
    "single quotes": BLOCK.replace('"', "'"),
    "typographic single quotes": typographic(BLOCK).replace("“", "‘").replace("”", "’"),
    "comma at the end": BLOCK.replace("\n  }", ",\n  }").replace("\n}", ",\n}"),
    "comments": BLOCK.replace("36,", "36, // from the passport").replace("{\n", "{ // my answer\n", 1),
    "bare names": BLOCK.replace('"name"', "name").replace('"fields"', "fields"),
    "list marks": BLOCK.replace('    "', '    - "'),
    "stars as list marks": BLOCK.replace('    "', '    * "'),
    "numbered": BLOCK.replace('    "', '    1. "'),
    "bold keys": BLOCK.replace('"name"', '**"name"**').replace('"age"', '"**age**"'),
    "full-width punctuation": BLOCK.replace(":", "：").replace(",", "，"),
    "full-width braces": BLOCK.replace("{", "｛").replace("}", "｝"),
    "HTML": html.escape(BLOCK),
    "HTML in decimals": BLOCK.replace('"', "&#34;"),
    "HTML with hard spaces": html.escape(BLOCK).replace("  ", "&nbsp; "),
    "Markdown escapes": BLOCK.replace("@", r"\@").replace(".", r"\."),
    "slashes escaped": BLOCK.replace("@", "\\u0040"),
    "members in another order": BLOCK.replace('"fields"', '"code": "c1", "fields"'),
    "members in capitals": BLOCK.replace("fields", "Fields"),
    "a member that is none": BLOCK.replace('"fields"', '"note": "hi", "fields"'),
    "comments of Python": BLOCK.replace("36,", "36,  # from the passport"),
    "comments of CSS": BLOCK.replace("36,", "36, /* from the passport */"),
    "hard line breaks of Markdown": BLOCK.replace(",\n", ",\\\n").replace("{\n", "{\\\n"),
    "soft line breaks of Markdown": BLOCK.replace("\n", "  \n"),
    "vertical tabs": f"```handshake\n{PRETTY}\n```".replace("  ", "\x0b"),
    "line separators": BLOCK.replace(",\n", ",\u2028").replace("{\n", "{\u2028"),
    "quoted without spaces": ">" + BLOCK.replace("\n", "\n>"),
    "an address made a link": BLOCK.replace("ann@shop.example", "[ann@shop.example](mailto:ann@shop.example)"),
    "an address in angle brackets": BLOCK.replace("ann@shop.example", "<ann@shop.example>"),
    "keys in other case": BLOCK.replace('"name"', '"Name"').replace('"age"', '"AGE"'),
    "keys with a zero-width space": BLOCK.replace('"name"', '"na\u200bme"'),
    "keys with spaces around": BLOCK.replace('"name"', '" name "'),
    # What stands around the object in its fence.
    "an assignment": f"```handshake\nanswer = {PRETTY}\n```",
    "a declaration": f"```handshake\nconst answer = {PRETTY};\n```",
    "another name on a line of its own": f"```handshake\njson\n{PRETTY}\n```",
    "the code on a line of its own": f"```handshake\ncode: 7-abcdefghij\n{PRETTY}\n```",
    "`fields` in front": f"```handshake\nfields: {json.dumps(VALUES)}\n```",
    "a fence within the fence": f"```handshake\n```json\n{PRETTY}\n```\n```",
    "a fence of Markdown around": f"````markdown\n{BLOCK}````",
    "a fence of Markdown around, as long": f"```markdown\n{BLOCK}```",
    "the fence's end behind the brace": f"```handshake\n{PRETTY}```\nDone.",
    "the fence's begin behind prose": f"Here: ```handshake\n{PRETTY}\n```",
    "HTML around": f'<pre><code class="language-handshake">{PRETTY}</code></pre>',
    "escaped HTML around": f'<pre><code class="language-handshake">{html.escape(PRETTY)}</code></pre>',
    "a program in Python": f"```python\nanswer = { {'fields': VALUES} }\n```",
    "a program in JavaScript": "```js\nsend({fields: {name: 'Ann Lee', age: 36, email: 'ann@shop.example'}});\n```",
    "a details tag around": f"<details><summary>Answer</summary>\n\n{BLOCK}\n</details>",
    "the prompt's example first": f'Use\n```handshake\n{{"code": "3-a", "fields": {{KEY: VALUE, …}}}}\n```\n{BLOCK}',
    # Other shapes.
    "members without braces": "```handshake\n" + PRETTY[1:-1] + "\n```",
    "fields without braces": "```handshake\n" + json.dumps(VALUES, indent=1)[1:-1] + "\n```",
    "an object around": json.dumps({"handshake": {"fields": VALUES}}),
    "two objects around": "```json\n" + json.dumps({"response": {"answer": {"fields": VALUES}}}) + "\n```",
    "a list of keys and values": "```handshake\n"
    + json.dumps([{"key": key, "value": value} for key, value in VALUES.items()])
    + "\n```",
    "a list of names and values": json.dumps({"fields": [{"name": key, "value": VALUES[key]} for key in VALUES]}),
    "a list of labels and values": json.dumps(
        {"fields": [{"label": key.title(), "value": VALUES[key]} for key in VALUES]}
    ),
    "a list of one object": f"```handshake\n[{json.dumps(VALUES)}]\n```",
    "flat": "```handshake\n" + json.dumps(VALUES) + "\n```",
    "flat without a fence": json.dumps(VALUES),
    "a list of fields": json.dumps({"fields": [{"key": key, "value": value} for key, value in VALUES.items()]}),
    "actions": json.dumps({"actions": [{"type": "set", "key": key, "value": value} for key, value in VALUES.items()]}),
    "flat with a code": "```handshake\n" + json.dumps({"code": "c1", **VALUES}) + "\n```",
    "a table in prose": f"Here:\n\n{TABLE}\nDone.",
    "marks of direction": BLOCK.replace('"name"', '\u200e"name"\u200f').replace(": ", ":\u202a "),
    # What chats and people leave around it.
    "buttons of a chat": f"handshake\nCopy code\n{PRETTY}\nYou said:\nThanks!",
    "thoughts with braces before": f"<think>\nThe keys are {{name}} and [age].\n</think>\n{BLOCK}",
    "a mail's quotation and signature": f"> {BLOCK}".replace("\n", "\n> ") + "\n\n-- \nAnn Lee\nPhone: 123\nage: 37",
    "values of Python": "```python\nhandshake = " + repr({"fields": VALUES}) + "\n```",
    "a line added in a difference": f"```diff\n+ {JSON}\n```",
    # Several.
    "two blocks": BLOCK.replace("Ann", "Bob") + "\nOn second thoughts:\n\n" + BLOCK,
    "two without fences": JSON.replace("Ann", "Bob") + "\n\nNo:\n" + JSON,
    "a half one first": '```handshake\n{"fields": {"name": "Bo\n```\n' + BLOCK,
    "a half one last": BLOCK + '\nHere again:\n```handshake\n{"fields": {"name": "Bo',
}


@pytest.mark.parametrize("text", READ.values(), ids=READ)
def test_an_answer_is_read_whatever_the_chat_has_made_of_it(text: str) -> None:
    found = read_answer(text, NAMES).fields
    assert {key: int(value) if key == "age" else value for key, value in found.items()} == VALUES


@pytest.mark.parametrize(
    "lines",
    [
        "name: Ann Lee\nage: 36\nemail: ann@shop.example",
        "- name: Ann Lee\n- age: 36\n- email: ann@shop.example\n",
        "**name**: Ann Lee\n**age:** 36\n**email**: ann@shop.example",
        "1. **name**: **Ann Lee**\n2. `age`: `36`\n3. email = ann@shop.example",
        '"name": Ann Lee\n\n"age": 36\n\nemail： ann@shop.example',
        "| name | Ann Lee |\n| age | 36 |\n| email | ann@shop.example |",
        "| Field | Value |\n|---|---|\n| name | Ann Lee |\n| `age` | 36 |\n| **email** | ann@shop.example |",
        "> name: Ann Lee\n> age: 36\n> email: ann@shop.example",
        "code: 7-abc\nfields:\n  name: Ann Lee\n  age: 36\n  email: ann@shop.example",
    ],
)
def test_lines_and_tables_in_a_fence_of_the_name_are_read_as_texts(lines: str) -> None:
    found = read_answer(f"Here:\n```handshake\n{lines}\n```", NAMES)
    assert found.fields == {key: str(value) for key, value in VALUES.items()}
    assert all(isinstance(value, Loose) for value in found.fields.values())


REFUSED: dict[str, tuple[str, int, str]] = {
    "cut within a text": ('```handshake\n{"fields": {\n  "name": "Ann Lee",\n  "email": "ann@sh', 4, "breaks off"),
    "cut behind a comma": ('```handshake\n{"fields": {\n  "name": "Ann Lee",\n', 3, "breaks off"),
    "cut in a closed fence": ('```handshake\n{"fields": {"name": "Ann Lee"\n```\nDone.', 2, "breaks off"),
    "lines cut off": ("```handshake\nname: Ann Lee\nemail: ann@sh", 3, "the end of the block"),
    "cut without a fence": ('{"fields": {\n  "name": "Ann Lee",', 2, "breaks off"),
    "a quotation within a text": ('{"fields": {\n"note": "He said "hi" there"}}', 2, "comma"),
    "a typographic quotation": ("{“fields”: {\n“note”: “He said “hi” there”}}", 2, "quotation marks"),
    "an apostrophe": ("```handshake\n{'fields': {'note': 'It's mine'}}\n```", 2, "quotation marks"),
    "a line break in a text": ('{"fields": {\n"note": "one\ntwo"}}', 2, "end on its line"),
    "a missing comma": ('{"fields": {\n"name": "Ann"\n"age": 36}}', 3, "comma"),
    "a missing colon": ('{"fields": {\n"name" "Ann"}}', 2, "colon"),
    "two commas": ('{"fields": {"name": "Ann",\n, "age": 36}}', 2, "name of a member"),
    "an ellipsis": ('{"fields": {"name": "Ann",\n...}}', 2, "name of a member"),
    "a bare text": ('{"fields": {\n"name": Ann}}', 2, "quotation marks"),
    "a number with thousands": ('{"fields": {\n"age": 1,000}}', 2, "name of a member"),
    "a number with a zero": ('{"fields": {"age": 036}}', 1, "no JSON value"),
    "not a number": ('{"fields": {"age": NaN}}', 1, "no JSON value"),
    "a number beyond all": ('{"fields": {"age": 1e999}}', 1, "too large"),
    "a few hundred digits": ('{"fields": {"age": ' + "9" * 400 + "}}", 1, "too large"),
    "many digits": ('{"fields": {"age": ' + "9" * 5000 + "}}", 1, "too large"),
    "a key twice": ('{"fields": {"name": "Ann",\n"name": "Bob"}}', 2, "twice"),
    "a key twice by its marks": ('{"fields": {"name": "Ann",\n"**name**": "Bob"}}', 2, "two values"),
    "a field in two members": ('{"fields": {"tags": []},\n"rows": {"tags": [1]}}', 2, "two values"),
    "half of a surrogate pair": ('{"fields": {"name": "\\ud800"}}', 1, "half of a character"),
    "a wrong escape": ('{"fields": {"name": "C:\\Users"}}', 1, "backslash"),
    "deep nesting": ('{"fields": ' + '{"a": ' * 99 + "1" + "}" * 100, 1, "too deeply"),
    "something behind the object": ('```handshake\n{"fields": {"name": "Ann"}}\nand so on\n```', 2, "follows"),
    "two objects in a fence": (f"```handshake\n{JSON}\n{JSON}\n```", 2, "follows"),
    "a line without a key": ("```handshake\nname: Ann\nHope this helps!\n```", 3, "no field"),
    "a line with an unknown key": ("```handshake\nname: Ann\nsurname: Lee\n```", 3, "no field"),
    "a line without a value": ("```handshake\nname:\nage: 36\n```", 2, "no field"),
    "a table of three columns": ("```handshake\n| name | Ann | ok |\n```", 2, "which column"),
    "a line twice": ("```handshake\nname: Ann\nname: Bob\n```", 3, "two values"),
    "lines in no block": ("So:\n- **name**: Ann\n- mood: good", 2, "in no block"),
    "a table of other columns in prose": ("| Field | Why |\n|---|---|\n| age | to be told |", 3, "in no block"),
    "an unknown field in a table": ("| Field | Value |\n|---|---|\n| name | Ann |\n| mood | good |", 4, "no field"),
    "a list of bare values": ('```handshake\n["Ann Lee"]\n```', 2, "`actions` lists"),
    "a difference": ('```diff\n{"fields": {\n- "name": "Bob",\n+ "name": "Ann"}}\n```', 4, "name of a member"),
    "numbered lines": ('{"fields": {\n2  "name": "Ann"\n}}', 2, "name of a member"),
    "a comma as decimal point": ('{"fields": {\n"age": 12,50}}', 2, "name of a member"),
    "full-width digits": ('{"fields": {\n"age": ３６}}', 2, "no JSON value"),
    "a text in backticks": ('{"fields": {\n"name": `Ann`}}', 2, "no JSON value"),
    "a text of Python in three marks": ('{"fields": {\n"name": """Ann"""}}', 2, "comma"),
    "texts next to each other": ('{"fields": {\n"name": "Ann" "Lee"}}', 2, "comma"),
    "an escape of Python": ('{"fields": {\n"name": "\\x41"}}', 2, "backslash"),
    "a key twice in other case": ('{"fields": {"name": "Ann",\n"Name": "Bob"}}', 2, "two values"),
    "a section of a settings file": ('```handshake\n[person]\nname = "Ann"\n```', 2, "JSON value"),
    "a sign with the name": ("```handshake\n✅ name: Ann\n```", 2, "no field"),
    "an arrow for the colon": ("```handshake\nname → Ann\n```", 2, "no field"),
    "a line broken within its value": ("```handshake\nnote: a long\nvalue\n```", 3, "no field"),
    "the rest of a block that was cut": ('```handshake\n"age": 36}}\n```', 2, "not opened"),
    "a number with its sign": ('{"fields": {\n"age": +36}}', 2, "no JSON value"),
    "a hexadecimal number": ('{"fields": {\n"age": 0x24}}', 2, "no JSON value"),
    "a template of JavaScript": ('{"fields": {\n"name": `Ann`}}', 2, "no JSON value"),
    "objects on lines": ('```handshake\n{"name": "Ann"}\n{"age": 36}\n```', 2, "follows"),
    "two programs in a fence": ('```handshake\na = {"name": "Ann"}\nb = {"name": "Bob"}\n```', 3, "several objects"),
    "a field beside the object": ('```handshake\nname: Bob\n{"fields": {"age": 36}}\n```', 2, "beside"),
    "a broken object behind a word": ('```handshake\njson\n{"fields": {"name": "Ann"\n```', 3, "breaks off"),
    "an object within a text": ('```handshake\n"{\\"fields\\": {}}"\n```', 2, "no field"),
    "an entry with another's label": (
        '{"fields": [{"key": "name", "value": "Ann"},\n{"key": "age", "label": "note", "value": 36}]}',
        2,
        "several fields",
    ),
    "fields that are no object": ('```handshake\n{"fields": "name = Ann"}\n```', 2, "object of keys"),
}


@pytest.mark.parametrize(("text", "line", "msg"), REFUSED.values(), ids=REFUSED)
def test_an_answer_of_two_meanings_is_refused_with_its_line(text: str, line: int, msg: str) -> None:
    try:
        found = read_answer(text, NAMES)
    except UnreadableAnswerError as error:
        faults = error.faults
    else:
        assert found.fields == {}
        faults = found.faults
    assert [(fault.line, msg in fault.msg) for fault in faults] == [(line, True)], faults
    assert faults[0].text


@pytest.mark.parametrize(
    "text",
    [
        'Answer with\n```handshake\n{"code": "3-a", "fields": {KEY: VALUE, …}}\n```',
        '{"actions": [{"type": "set", "key": "FIELD", "value": "VALUE"}]}',
        r"{\"fields\": {\"name\": \"Ann\"}}",
        '{"home": {"name": "Ann"}}',
        "<table><tr><td>name</td><td>Ann</td></tr></table>",
        "",
        "I could not fill in anything.",
        "```sh\ncurl https://shop.example\n```",
        '{"age": 36, "colour": "red"}',
        '> `{"key": "lines", "type": "rows", "fields": [{"key": "amount"}]}`',
        "```handshake\n```",
        "{" * 1000,
        '> `{"key": "name", "type": "string", "value": "Bob", "valueBy": "ai"}`',
        '[{"key": "name", "type": "string", "value": "Bob"}, {"key": "age", "type": "integer"}]',
        "INSERT INTO form (name, age) VALUES ('Ann', 36)",
        "set_fields(name='Ann', age=36)",
        '[{"item": "Pen", "price": 2}, {"item": "Ink", "price": 3}]',
    ],
)
def test_a_text_without_a_block_is_refused(text: str) -> None:
    with pytest.raises(UnreadableAnswerError, match=r"There is no block named handshake|cannot be read"):
        read_answer(text, NAMES)


# What a block can say.


def answer(content: dict[str, Any], names: FieldNames = NAMES) -> Answer:
    return read_answer(f"```handshake\n{json.dumps(content)}\n```", names)


VALUES_OF_ALL_KINDS = [
    *(
        "",
        "He said “hi” – it's “ok”",
        'a\nb\t\\ "',
        "1,5",
        "x: y, {z}",
        "```",
        "// no comment",
        "* > |",
        "&amp <b>",
        "\u2028",
    ),
    *(0, -1.5e-7, True, False, None, [], {}, [1, ["x", {"a": None}]], {"street": "A", "lines": [{"b": 1}]}),
]


@pytest.mark.parametrize("value", VALUES_OF_ALL_KINDS, ids=repr)
def test_every_json_value_is_read_as_it_was_written(value: Any) -> None:
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False), json.dumps(value, indent=1)):
        assert read_answer(f'```handshake\n{{"fields": {{"note": {text}}}}}\n```').fields == {"note": value}


def test_rows_suggestions_questions_and_the_prompts_code_are_read() -> None:
    found = answer(
        {
            "code": "k7",
            "sessionId": "0f" * 16,
            "fields": {"name": "Ann"},
            "rows": {"lines": [{"amount": 1}]},
            "add": {"lines": [{"amount": 2}, {"amount": 3}], "tags": {"t": 1}},
            "remove": ["lines/r3"],
            "suggest": {"age": {"value": 37, "reason": "the passport says so"}, "email": "a@b.c"},
            "ask": "Which plan?",
        }
    )
    assert (found.code, found.session_id) == ("k7", "0f" * 16)
    assert found.fields == {"name": "Ann", "lines": [{"amount": 1}]}
    assert [one[:2] for one in found.add] == [("lines", {"amount": 2}), ("lines", {"amount": 3}), ("tags", {"t": 1})]
    assert [one.key for one in found.remove] == ["lines/r3"]
    assert [(one.key, one.value, one.notes.get("reason", "")) for one in found.suggest] == [
        ("age", 37, "the passport says so"),
        ("email", "a@b.c", ""),
    ]
    assert found.ask == [{"text": "Which plan?"}]
    assert found.faults == ()


def test_a_field_that_is_named_as_the_prompts_code_is_has_its_value_and_the_prompt_its_code() -> None:
    names = FieldNames({"code": "Promo code", "name": "Name"})
    block = "```handshake\n{}\n```"
    flat = read_answer(block.replace("{}", '{"code": "SAVE10", "name": "Ada"}'), names)
    beside = read_answer(block.replace("{}", '{"fields": {"code": "SAVE10"}, "code": "7-abcdefgh23"}'), names)
    bound = read_answer(block.replace("{}", '{"name": "Ada", "code": "7-abcdefgh23"}'), names)
    assert (flat.fields, flat.code) == ({"code": "SAVE10", "name": "Ada"}, "")
    assert (beside.fields, beside.code) == ({"code": "SAVE10"}, "7-abcdefgh23")
    assert (bound.fields, bound.code) == ({"name": "Ada"}, "7-abcdefgh23")


def test_actions_as_they_are_sent_are_read_too() -> None:
    actions = [
        {"key": "name", "value": "A"},
        {"type": "add", "key": "lines", "value": {}},
        {"type": "remove", "key": "x/r1"},
        {"type": "suggest", "key": "age", "value": 3, "reason": "so"},
    ]
    found = answer({"actions": actions})
    assert found.fields == {"name": "A"}
    assert [one[:2] for one in found.add + found.remove] == [("lines", {}), ("x/r1", None)]
    assert [(one.key, one.value, one.notes.get("reason", "")) for one in found.suggest] == [("age", 3, "so")]


def test_the_notes_of_actions_and_entries_are_read_with_their_values() -> None:
    notes = {"source": "the passport", "reason": "it says so", "confidence": 0.9, "ifRev": 3}
    actions = [
        {"type": "set", "key": "name", "value": "A", **notes},
        {"type": "add", "key": "lines", "value": {}, "after": "r1"},
        {"type": "add", "key": "lines", "value": {}, "after": None},
        {"type": "remove", "key": "x/r1", "ifRev": 4},
    ]
    found = answer({"actions": actions, "fields": [{"key": "age", "value": 3, "source": "a list"}]})
    assert found.fields == {"name": {"value": "A", **notes}, "age": {"value": 3, "source": "a list"}}
    assert [one.notes for one in found.add + found.remove] == [{"after": "r1"}, {"after": None}, {"ifRev": 4}]


@pytest.mark.parametrize(
    "note", [{"confidence": "high"}, {"confidence": True}, {"source": 5}, {"ifRev": "3"}], ids=repr
)
def test_a_note_of_another_type_is_told_and_its_value_read(note: dict[str, Any]) -> None:
    found = answer({"fields": [{"key": "age", "value": 3, **note}]})
    assert found.fields == {"age": 3}
    assert next(iter(note)) in found.faults[0].msg


@pytest.mark.parametrize(
    "opening",
    ["{ // mine", "{\n  # mine", "{ /* of\n two lines */", "{\u200b", "{\n|", "{ // {mine}"],
)
def test_an_object_that_begins_with_a_comment_is_read_from_its_beginning(opening: str) -> None:
    found = read_answer(f'{opening}\n"code": "7-abcdefgh23", "fields": {{"name": "Ann"}}, "ask": ["Which?"]}}', NAMES)
    assert (found.fields, found.code, found.ask) == ({"name": "Ann"}, "7-abcdefgh23", [{"text": "Which?"}])


@pytest.mark.parametrize(
    "opening", ['{ 5code: "7-abcdefgh23",', '{\n+ "code": "7-abcdefgh23",', "{ <b>", "{ /* /* */ */"]
)
def test_the_fields_in_an_object_that_cannot_be_read_are_no_answer_of_their_own(opening: str) -> None:
    with pytest.raises(UnreadableAnswerError) as refused:
        read_answer(f'{opening}\n"fields": {{"name": "Ann"}},\n+ "ask": ["Which?"]}}', NAMES)
    assert refused.value.faults


def test_the_prompts_own_example_is_no_fault_of_an_answer() -> None:
    example = '{"code": "7-abcdefgh23", "fields": {KEY: VALUE, …}}'
    assert read_answer(f"You said: `{example}`\n\n{JSON}", NAMES).faults == ()


@pytest.mark.parametrize(
    "entry",
    ['{"key": "age", "value": 36}', '{"type": "set", "key": "age", "value": 36}', '[{"field": "age", "value": 36}]'],
)
def test_an_entry_of_a_key_and_a_value_may_stand_alone(entry: str) -> None:
    for text in (entry, f"```handshake\n{entry}\n```"):
        assert read_answer(text, NAMES).fields == {"age": 36}
    with pytest.raises(UnreadableAnswerError):
        read_answer('> `{"key": "age", "value": 36, "valueBy": "ai"}`', NAMES)
    own = FieldNames(["key", "value", "age"])
    assert read_answer('{"key": "age", "value": 36}', own).fields == {"key": "age", "value": 36}


def test_parts_that_are_none_are_named_and_the_others_are_read() -> None:
    content = {"fields": {"name": "Ann"}, "token": "t" * 32, "remove": [1], "ask": 7, "code": 5, "actions": ["x"]}
    found = answer(content)
    assert (found.fields, found.remove, found.ask, found.code) == ({"name": "Ann"}, [], [], "")
    assert [fault.line for fault in found.faults] == [2] * 5
    assert all(fault.text.startswith('{"fields"') for fault in found.faults)


def test_the_last_whole_block_counts_and_the_others_are_told() -> None:
    found = read_answer(f"{BLOCK}\n{BLOCK}\n```handshake\n{{\n```", NAMES)
    assert (found.blocks, found.line) == (2, 12)
    assert [fault.line for fault in found.faults] == [22]


def test_a_text_that_was_escaped_for_html_is_read_as_it_was_and_another_stays_as_it_is() -> None:
    escaped = json.dumps({"fields": {"note": html.escape("Tom & Jerry <3", quote=False)}})
    assert read_answer(escaped, NAMES).fields == {"note": "Tom & Jerry <3"}
    assert answer({"fields": {"note": "&amp; is written &"}}).fields == {"note": "&amp; is written &"}


@pytest.mark.parametrize(
    ("shown", "value"),
    [
        ("[+41 44 668 18 00](tel:+41446681800)", "+41 44 668 18 00"),
        ("[www.shop.example](http://www.shop.example)", "www.shop.example"),
        ("[shop.example/a](https://shop.example/a/)", "shop.example/a"),
        ("[192.0.2.1](http://192.0.2.1)", "192.0.2.1"),
        ("[Ann@Shop.example](mailto:ann@shop.example)", "Ann@Shop.example"),
        ('[ann@shop.example](mailto:ann@shop.example "write")', "ann@shop.example"),
        ("to [a@b.example](mailto:a@b.example), or [b.example](https://b.example).", "to a@b.example, or b.example."),
        ("[a@b.example](mailto:c@b.example)", None),
        ("[the shop](https://shop.example)", None),
        ("![https://b.example/i](https://b.example/i) and x[1](1)", None),
        ("[1](tel:2) and [1](https://1.example)", None),
    ],
)
def test_addresses_that_a_chat_has_linked_are_read_as_they_were_and_other_links_stay(
    shown: str, value: str | None
) -> None:
    assert answer({"fields": {"note": shown}}).fields == {"note": shown if value is None else value}


def test_hard_spaces_of_a_value_stay_where_the_chat_made_none() -> None:
    assert answer({"fields": {"note": "10\xa0€"}}).fields == {"note": "10\xa0€"}


def test_a_key_with_marks_of_its_own_keeps_them() -> None:
    assert answer({"fields": {"_x_": 1, "**b**": 2}}, FieldNames(["_x_", "x", "**b**"])).fields == {
        "_x_": 1,
        "**b**": 2,
    }


# Whatever the text.

PIECES = st.sampled_from(
    [
        *"{}[]:,\"'`~\\|>*-“”‘’，：\n\t\xa0\u200b",
        "```",
        "```handshake\n",
        '{"fields": {',
        '"name": ',
        "&quot;",
        "\\u",
        "//",
        "1.",
    ]
) | st.text(max_size=4)


@given(st.lists(PIECES, max_size=60).map("".join))
@settings(max_examples=300)
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(UnreadableAnswerError):
        assert len(read_answer(text, NAMES).faults) <= 20


SAFE_TEXT = st.text(max_size=12).filter(lambda text: not set("\u200b\u2060\ufeff") & set(text))
ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | SAFE_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SAFE_TEXT, inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(sorted(KEYS)), ANY_JSON, max_size=4), st.sampled_from([None, 1]))
def test_whatever_json_a_model_writes_comes_under_its_own_key(values: dict[str, Any], indent: int | None) -> None:
    text = json.dumps({"fields": values}, indent=indent, ensure_ascii=indent is None)
    source = html.unescape(text) if "&" in text and not set("<>") & set(text) else text
    if source == text:
        assert read_answer(f"```handshake\n{text}\n```", NAMES).fields == values


CHATS: dict[str, Callable[[str], str]] = {
    "typographic quotes": typographic,
    "single quotes": lambda text: text.replace('"', "'"),
    "no-break spaces": lambda text: text.replace(" ", "\xa0"),
    "HTML": html.escape,
    "a quotation": lambda text: "> " + text.replace("\n", "\n> "),
    "indented": lambda text: "    " + text.replace("\n", "\n    "),
    "CRLF": lambda text: text.replace("\n", "\r\n"),
    "blank lines": lambda text: text.replace("\n", "\n\n"),
    "list marks": lambda text: text.replace('    "', '    - "'),
    "numbers": lambda text: text.replace('    "', '    1. "'),
    "Markdown escapes": lambda text: re.sub(r"([_*\[\]()#.!@-])", r"\\\1", text),
    "comments": lambda text: text.replace(",\n", ", // so\n"),
    "another fence": lambda text: text.replace("```handshake", "```json"),
    "no fence": lambda text: text.replace("```handshake\n", "").replace("\n```", ""),
    "prose": lambda text: f"Sure:\n\n{text}\n\nnote: nothing more",
    "trailing commas": lambda text: text.replace("\n  }", ",\n  }"),
    "invisible characters": lambda text: text.replace('"', '\u200b"'),
    "hard line breaks": lambda text: text.replace("\n", "\\\n"),
    "one line": lambda text: text.replace("\n", " "),
    "a fence around": lambda text: f"````markdown\n{text}\n````",
}
PLAIN_TEXTS = st.sampled_from(
    [
        *("Ann Lee", "a: b", "age: 3", "x, y", "Main St #5", "C:\\x", "a|b", "née", "李", "- a", "1. a", "> q", "* s"),
        *("`c`", "a_b", "one\ntwo", "http://a.example/?b=1", "", "  x ", "{name}", "// x", "&", "<b>"),
    ]
)


@given(
    st.dictionaries(st.sampled_from(["name", "email", "note", "home/street"]), PLAIN_TEXTS, min_size=1),
    st.integers(0, 99),
    st.lists(st.sampled_from(sorted(CHATS)), max_size=3, unique=True),
)
def test_whatever_chats_do_in_turn_a_value_is_as_it_was_written_or_refused(
    texts: dict[str, str], age: int, changes: list[str]
) -> None:
    values = {**texts, "age": age}
    text = f"```handshake\n{json.dumps({'fields': values}, indent=2, ensure_ascii=False)}\n```"
    for change in changes:
        text = CHATS[change](text)
    with suppress(UnreadableAnswerError):
        found = read_answer(text, NAMES).fields
        assert {key: plain(value) for key, value in found.items()} == values | {"age": found["age"]}
        assert str(found["age"]) == str(age)


def plain(value: Any) -> Any:
    """A value with the spaces that it was written with."""
    return value.replace("\xa0", " ") if isinstance(value, str) else value


@given(st.data())
def test_a_block_cut_anywhere_is_refused(data: st.DataObject) -> None:
    values = data.draw(st.dictionaries(st.sampled_from(sorted(KEYS)), ANY_JSON, min_size=1, max_size=4))
    text = json.dumps({"fields": values})
    cut = data.draw(st.integers(0, len(text) - 1))
    with pytest.raises(UnreadableAnswerError):
        read_answer(f"```handshake\n{text[:cut]}\n```\nThat is it.", NAMES)


LENGTHS = [
    pytest.param(MAX_ANSWER_CHARS // 4, id="long"),
    pytest.param(MAX_ANSWER_CHARS, id="as long as may be", marks=pytest.mark.integration),
]
UNITS = [
    "{",
    '{"',
    "{'",
    "{“",
    "{‘",
    '{"a":',
    '{"a":[',
    "```handshake\n{\n```\n",
    "```handshake\n",
    "`",
    "//",
    "{a//",
    "\\",
]
UNITS += [
    "> ",
    "&quot;",
    "{&quot;",
    "a=:",
    "|",
    "```handshake\na:",
    "1. ",
    '{"fields":{',
    "\n",
    "*",
    "{\n\n",
    "{ ",
    '{"\\"',
]


UNITS += ["| name | x |\n", "| a | value |\n|-|-|\n", "| a | value |\n|-|-|\n| name | x |\n\n", "name: x\n", " \t>"]


UNITS += [
    "[",
    '"',
    "[[1,",
    '{"fields":[',
    "-",
    "- ",
    "-|",
    "|-|\n",
    "a\tvalue\n",
    "a | value\n-|-\n",
    "name: ~~",
    "name: <",
    "/*",
]
UNITS += [
    "{/*",
    "{#",
    "name: [",
    'name: "',
    "name: x, y: ",
    "a (b) (",
    "name(",
    "\\\n",
    "(name",
    "_",
    "{KEY: VALUE, …}",
    "`\n",
]
UNITS += [
    "<fields>",
    "<fields a=",
    "<fields><b>",
    '<fields a="b" ',
    "<name>x</name>",
    "<!--",
    "<![CDATA[",
    "<table><tr><td>",
    "<td>",
    "[{",
    '[{"a":1},',
    '{"args":',
    '{"args":{"fields":',
]


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("chars", LENGTHS)
def test_hostile_repetition_takes_no_time(chars: int, unit: str) -> None:
    repeated = unit * ((chars - 20) // len(unit))
    with counting_cost() as cost:
        for text in (repeated, f"```handshake\n{repeated[:200_000]}x"):
            with suppress(UnreadableAnswerError):
                read_answer(text, NAMES)
    assert cost.seconds < 4 * chars / MAX_ANSWER_CHARS  # a quadratic reader needs minutes


def test_a_text_that_is_too_long_is_refused() -> None:
    with pytest.raises(UnreadableAnswerError, match="paste the block alone"):
        read_answer(BLOCK + "x" * MAX_ANSWER_CHARS, NAMES)
