"""Tables in an agent's answer: the column of the fields and that of the values are found, or the table is refused."""

from __future__ import annotations

import pytest

from handshake_prompt.texts.answers.answer import UnreadableAnswerError
from handshake_prompt.texts.answers.field_names import FieldNames
from handshake_prompt.texts.answers.reader import read_answer

NAMES = FieldNames(["name", "age", "email", "note"], {"Full name": "name", "Age": "age", "E-mail": "email"})
VALUES = {"name": "Ann Lee", "age": "36", "email": "ann@shop.example"}


def table(*rows: str, rule: str = "|---|---|") -> str:
    return "\n".join([rows[0], rule, *rows[1:]])


BODY = ("| name | Ann Lee |", "| age | 36 |", "| email | ann@shop.example |")
PLAIN = table("| Field | Value |", *BODY)
READ = {
    "alignment": table("| Field | Value |", *BODY, rule="| :---: | ---: |"),
    "without bars at the ends": PLAIN.replace("| ", "", 1).replace("\n| ", "\n").replace(" |\n", "\n"),
    "labels": table("| Field | Value |", "| Full name | Ann Lee |", "| Age | 36 |", "| E-mail | ann@shop.example |"),
    "bold labels and code": table("| Field | Value |", "| **Full name** | `Ann Lee` |", *BODY[1:]),
    "labels and keys": table(
        "| Label | Key | Value |",
        "| Full name | name | Ann Lee |",
        "| Age | age | 36 |",
        "| E-mail | email | ann@shop.example |",
        rule="|---|---|---|",
    ),
    "sources": table(
        "| Field | Value | Source |",
        "| name | Ann Lee | passport |",
        "| age | 36 | you |",
        "| email | ann@shop.example | you |",
        rule="|---|---|---|",
    ),
    "numbers in front": table(
        "| # | Field | Value |",
        "| 1 | name | Ann Lee |",
        "| 2 | age | 36 |",
        "| 3 | email | ann@shop.example |",
        rule="|---|---|---|",
    ),
    "present values": table(
        "| Field | Current value | New value |",
        "| name | Bob | Ann Lee |",
        "| age | 35 | 36 |",
        "| email | – | ann@shop.example |",
        rule="|---|---|---|",
    ),
    "rules beside the values": table(
        "| Field | Allowed values | Value type | Value |",
        "| name | any | text | Ann Lee |",
        "| age | 1-99 | number | 36 |",
        "| email | any | text | ann@shop.example |",
        rule="|---|---|---|---|",
    ),
    "the value first": table("| Value | Field |", "| Ann Lee | name |", "| 36 | age |", "| ann@shop.example | email |"),
    "a bar too many": table("| Field | Value |", *(f"{row}|" for row in BODY)),
    "empty cells": table("| Field | Value |", *BODY, "| note | |"),
    "dashes for nothing": table("| Field | Value |", *BODY, "| note | — |"),
    "an address made a link": PLAIN.replace("ann@shop.example", "[ann@shop.example](mailto:ann@shop.example)"),
    "tabs": "Field\tValue\nname\tAnn Lee\nage\t36\nemail\tann@shop.example",
    "quoted": "> " + PLAIN.replace("\n", "\n> "),
    "two, the last counts": PLAIN.replace("Ann Lee", "Bob") + "\n\nBetter:\n\n" + PLAIN,
    "a suggested value": PLAIN.replace("Value", "Suggested value"),
    "in bold": PLAIN.replace("Value", "**Value**"),
    "in Chinese": PLAIN.replace("Field", "字段").replace("Value", "填写的值"),
    "in Chinese, by names": PLAIN.replace("Field", "字段名称").replace("Value", "填写内容"),
    "in Japanese": PLAIN.replace("Field", "項目").replace("Value", "入力値"),
    "in Russian": PLAIN.replace("Field", "Поле").replace("Value", "Значение"),
    "in Arabic": PLAIN.replace("Field", "الحقل").replace("Value", "القيمة"),
    "in German": PLAIN.replace("Field", "Feld").replace("Value", "Wert"),
    "in Spanish": PLAIN.replace("Field", "Campo").replace("Value", "Valor propuesto"),
}


@pytest.mark.parametrize("text", READ.values(), ids=READ)
def test_a_table_whose_head_says_values_is_read_in_prose_and_in_a_fence(text: str) -> None:
    for pasted in (f"Here it is:\n\n{text}\n\nDone.", f"```handshake\n{text.rpartition('Better:')[2]}\n```"):
        assert read_answer(pasted, NAMES).fields == VALUES


BOX = """\
+-------+------------------+
| Field | Value            |
+-------+------------------+
| name  | Ann Lee          |
| age   | 36               |
| email | ann@shop.example |
+-------+------------------+"""


@pytest.mark.parametrize(
    "text",
    ["\n".join(BODY), table("| Feature | Content |", *BODY), BOX, "code: 7-abcdefghij\n" + PLAIN],
    ids=["no head", "another head", "a box", "a code"],
)
def test_a_table_of_two_columns_is_read_in_a_fence_whatever_its_head(text: str) -> None:
    assert read_answer(f"```handshake\n{text}\n```", NAMES).fields == VALUES


REFUSED = {
    "an unknown field": (table("| Field | Value |", "| name | Ann |", "| mood | good |"), 4, "no field"),
    "a field twice": (table("| Field | Value |", "| name | Ann |", "| Full name | Bob |"), 4, "two values"),
    "two columns of values": (table("| Field | Value A | Value B |", "| name | Ann | Bob |"), 1, "which column"),
    "columns that disagree": (table("| Label | Field | Value |", "| Age | name | Ann |"), 1, "names the fields"),
    "a row too short": (table("| Field | Why | Value |", "| name | because |"), 3, "no field"),
    "present values alone": (table("| Field | Current value |", "| name | Ann |"), 3, "in no block"),
    "a bar in a value": (table("| Field | Value |", "| note | `a|b` |"), 3, "more cells"),
    "a row too long": (table("| Field | Value |", "| name | Ann | Lee |"), 3, "more cells"),
    "a tab in a value": ("Field\tValue\nname\tAnn\tLee", 2, "more cells"),
    "a bar in the last column": (
        table("| Field | Value | Why |", "| note | a|b | so |", rule="|-|-|-|"),
        3,
        "more cells",
    ),
    "a table cut off": (table("| Field | Value |", "| name | Ann |", "| email | ann@sh"), 4, "breaks off"),
    "an ellipsis": (table("| Field | Value |", "| name | … |"), 3, "left out"),
    "a quotation in a quotation": (table("| Field | Value |", '| name | "Ann "Lee"" |'), 3, "quotation"),
}


@pytest.mark.parametrize(("text", "line", "msg"), REFUSED.values(), ids=REFUSED)
def test_a_table_of_two_meanings_is_refused_with_its_line(text: str, line: int, msg: str) -> None:
    with pytest.raises(UnreadableAnswerError) as caught:
        read_answer(text, NAMES)
    assert [(fault.line, msg in fault.msg) for fault in caught.value.faults] == [(line, True)]


@pytest.mark.parametrize(
    "head",
    [
        *("Allowed values", "Possible value", "Value type", "Input type", "Default value", "Example value"),
        *("Original value", "Mögliche Werte", "Valeur par défaut", "Valores posibles", "Valor por defecto"),
        *(
            "Valori ammessi",
            "Возможные значения",
            "القيمة الافتراضية",
            "默认值",
            "可选值",
            "说明内容",
            "初期値",
            "기본값",
        ),
    ],
)
def test_a_column_of_what_the_values_may_be_is_not_taken_for_the_values(head: str) -> None:
    text = table(f"| Field | {head} | Chosen |", "| name | Bob | Ann |", rule="|---|---|---|")
    for pasted in (f"Here it is:\n\n{text}\n", f"```handshake\n{text}\n```"):
        with pytest.raises(UnreadableAnswerError) as caught:
            read_answer(pasted, NAMES)
        assert caught.value.faults


@pytest.mark.parametrize(
    "text",
    [
        "| note | age |\n|---|---|\n| email | 36 |",
        "| name | age | note |\n|---|---|---|\n| age | 3 | name |",
        "| name | age | email |\n|---|---|---|\n| Ann Lee | 36 | a@b.cd |",
        "| name | age |\n|---|---|\n| Ann | 36 |",
    ],
)
def test_a_table_with_the_fields_in_its_head_is_refused(text: str) -> None:
    for pasted in (text, f"```handshake\n{text}\n```"):
        with pytest.raises(UnreadableAnswerError):
            read_answer(pasted, NAMES)


@pytest.mark.parametrize(
    ("cell", "value"),
    [(r"a \| b", "a | b"), ("a<br>b", "a\nb"), ("Main St # 5", "Main St # 5"), ("Tom &amp; Jerry", "Tom & Jerry")],
)
def test_a_cell_is_read_as_it_is_shown(cell: str, value: str) -> None:
    text = table("| Field | Value |", f"| note | {cell} |")
    assert read_answer(text, NAMES).fields == {"note": value}
    assert read_answer(f"```handshake\n{text}\n```", NAMES).fields == {"note": value}


# Rows of a list of the form's.

LINES = FieldNames(["item", "name", "value", "price"], {"Item": "item", "Value": "value"})
WITH_LINES = FieldNames(["name", "phone", "price", "item", "lines"], {"Full name": "name"}, [LINES])
ROWS = {
    "items and values": (table("| Item | Value |", "| phone | 300 |", "| price | 2 |"), True),
    "a list's columns in another case": (table("| ITEM | value |", "| name | 300 |"), True),
    "products and prices": (table("| Product | New value |", "| phone | 300 |"), False),
    "fields that are columns, too": (table("| Field | Value |", "| item | Pen |", "| price | 2 |"), False),
    "without a word over them": (table("| | Value |", "| phone | 300 |"), False),
    "HTML": ("<table><tr><th>Item</th><th>Value</th></tr><tr><td>phone</td><td>300</td></tr></table>", True),
    "tabs": ("Item\tValue\nphone\t300", True),
    "objects": ('{"item": "Pen", "price": 2}', False),
    "objects in a list": ('[{"item": "Pen", "price": 2}]', False),
    "entries of a list": (
        '[{"item": "a", "name": "phone", "value": 3}, {"item": "b", "name": "price", "value": 3}]',
        False,
    ),
}


@pytest.mark.parametrize(("text", "is_refused_in_a_block"), ROWS.values(), ids=ROWS)
def test_what_may_be_rows_of_a_list_is_not_taken_for_fields(text: str, *, is_refused_in_a_block: bool) -> None:
    texts = [f"The lines:\n\n{text}\n", *([f"```handshake\n{text}\n```"] if is_refused_in_a_block else [])]
    for pasted in texts:
        with pytest.raises(UnreadableAnswerError) as caught:
            read_answer(pasted, WITH_LINES)
        assert [fault.line for fault in caught.value.faults] == [3 if pasted is texts[0] else 2]


def test_several_rows_in_a_list_of_json_are_no_answer() -> None:
    with pytest.raises(UnreadableAnswerError):
        read_answer('```json\n[{"name": "Ann", "phone": "1"}, {"name": "Bob", "phone": "2"}]\n```', WITH_LINES)


def test_a_table_that_says_fields_is_read_where_one_of_them_is_of_no_list() -> None:
    text = table("| Form field | Value |", "| item | Pen |", "| Full name | Ann |")
    assert read_answer(text, WITH_LINES).fields == {"item": "Pen", "name": "Ann"}
