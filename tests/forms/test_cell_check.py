"""Forms by hand: the rules of their fields judge what no model does."""

from __future__ import annotations

from typing import Any

import pytest

from handshake_prompt.forms.form_model import FormModel
from handshake_prompt.forms.problems import FieldErrors
from handshake_prompt.session.page_problems import HIDDEN

FIELDS: list[dict[str, Any]] = [
    {"key": "name", "required": True, "minLength": 2},
    {"key": "age", "type": "integer", "min": 18},
    {"key": "kind", "type": "enum", "options": ["a", "b"]},
    {"key": "other", "type": "integer", "showIf": {"key": "kind", "in": ["b"]}, "required": True},
    {"key": "iban", "sensitive": True, "maxLength": 4},
    {"key": "consent", "type": "boolean", "required": True, "by": "person"},
    {"key": "lines", "type": "rows", "maxRows": 1, "fields": [{"key": "amount", "type": "number", "required": True}]},
]
WHOLE = {"name": "Ada", "age": 36, "kind": "a", "consent": True}
FORM = FormModel("by hand", FIELDS)

FAULTS: dict[str, tuple[dict[str, Any], dict[str, list[str]], list[str]]] = {
    "a value of another type": ({"age": "many"}, {}, ["age"]),
    "a bound": ({"age": 3}, {}, ["age"]),
    "no option": ({"kind": "c"}, {}, ["kind"]),
    "a cell of another type": ({"lines/r1/amount": "x"}, {"lines": ["r1"]}, ["lines/r1/amount"]),
    "too many rows": ({"lines/r1/amount": 1, "lines/r2/amount": 2}, {"lines": ["r1", "r2"]}, ["lines"]),
    "a value that is not shown": ({"other": "x"}, {}, []),
    "a value that is shown": ({"kind": "b", "other": "x"}, {}, ["other"]),
    "a key that no field is for": ({"colour": 3}, {}, []),
    "nothing": ({"age": None, "kind": None}, {}, []),
}


@pytest.mark.parametrize(("values", "rows", "keys"), FAULTS.values(), ids=FAULTS)
def test_a_value_is_judged_by_its_field(values: Any, rows: Any, keys: list[str]) -> None:
    found = FORM.problems(WHOLE | values, rows)
    assert [key for problem in found for key in problem.keys] == keys
    if keys:
        with pytest.raises(FieldErrors):
            FORM.parse(WHOLE | values, rows)
    else:
        FORM.parse(WHOLE | values, rows)


def test_what_is_missing_is_no_problem_until_the_form_is_taken() -> None:
    values, rows = {"kind": "b"}, {"lines": ["r1"]}
    assert FORM.problems(values, rows) == []
    with pytest.raises(FieldErrors) as refused:
        FORM.parse(values, rows)
    assert {key for problem in refused.value.problems for key in problem.keys} == {
        "name",
        "other",
        "consent",
        "lines/r1/amount",
    }


def test_a_sensitive_value_is_not_quoted() -> None:
    assert [problem.msg for problem in FORM.problems(WHOLE | {"iban": "DE000"}, {})] == [HIDDEN]


def test_patterns_and_embedded_schemas_take_a_thread() -> None:
    assert FORM.is_native
    assert not FormModel("patterns", [{"key": "a", "pattern": "[a-z]+"}]).is_native
    assert not FormModel("embedded", [{"key": "a", "type": "json", "schema": {"type": "object"}}]).is_native
