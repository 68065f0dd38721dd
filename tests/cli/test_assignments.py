"""Batches from the options of `action`."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from handshake_prompt.cli.assignments import RowOptions, assignments_of
from tests.support.commands import run

PARTS = ["--sid", "0" * 32, "--token", "t" * 32, "--base", "https://example.com"]


@pytest.mark.parametrize("text", ["true", "12", "null", '"a"'])
def test_text_stays_text_where_that_is_said(text: str) -> None:
    assert assignments_of([], [f"a={text}"], None).actions({}) == [{"type": "set", "key": "a", "value": text}]


def test_an_object_of_values_becomes_actions_in_its_order() -> None:
    assert [one["key"] for one in assignments_of(["c=1"], [], '{"b": 1, "a": 2}').actions({})] == ["b", "a", "c"]


def test_a_list_of_actions_is_passed_on_as_it_is() -> None:
    action = {"type": "set", "key": "a", "value": 1, "ifRev": 3}
    assert assignments_of([], [], '[{"type": "set", "key": "a", "value": 1, "ifRev": 3}]').data == [action]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "latin-1"])
def test_data_is_read_from_a_file_of_any_editor(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "data.json"
    path.write_text('{"a": "ü"}', encoding)
    assert assignments_of([], [], f"@{path}").data == [{"type": "set", "key": "a", "value": "ü"}]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param([], "Nothing to write", id="nothing"),
        pytest.param(["--data", "{}"], "Nothing to write", id="empty-object"),
        pytest.param(["--set", "a"], "'a' is not KEY=VALUE", id="no-equals-sign"),
        pytest.param(["--set", "=1"], "'=1' is not KEY=VALUE", id="no-key"),
        pytest.param(["--set", "a=1", "--set-text", "a=2"], "named twice", id="twice"),
        pytest.param(["--data", "{"], "--data is not valid JSON", id="half"),
        pytest.param(["--data", '{"a": NaN}'], "NaN is not JSON", id="not-a-number"),
        pytest.param(["--data", "[" * 100_000], "--data is not valid JSON", id="too-deep"),
        pytest.param(["--data", "7"], "must be a JSON object", id="number"),
        pytest.param(["--data", "[1]"], "must be a JSON object", id="list-of-numbers"),
        pytest.param(["--data", "@nowhere.json"], "Cannot read the data from 'nowhere.json'", id="no-file"),
        pytest.param(["--data", '{"a": "\\ud800"}'], "valid Unicode", id="half-a-character"),
        pytest.param(["--set", "a=\udcff"], "valid Unicode", id="bytes"),
        pytest.param(["--add", "lines=3"], "'lines=3' is not LIST={...}", id="row-of-a-number"),
        pytest.param(["--add", "lines={"], "'lines={' is not LIST={...}", id="half-a-row"),
        pytest.param(["--move", "lines/r3"], "'lines/r3' is not KEY=VALUE", id="no-place"),
        pytest.param(["--set", "a=1", "--interval-ms", "-1"], "--interval-ms", id="interval"),
    ],
)
def test_what_cannot_be_written_is_a_usage_error(arguments: list[str], said: str) -> None:
    result = run("action", *PARTS, *arguments)
    assert result.exit_code == 2
    assert said in result.stderr


def test_standard_input_is_not_read_twice() -> None:
    result = run("action", "--prompt", "-", "--data", "-", text="{}")
    assert result.exit_code == 2
    assert "cannot be both the prompt and the data" in result.stderr


def test_standard_input_that_is_not_unicode_is_a_usage_error() -> None:
    with pytest.raises(click.UsageError, match="not valid JSON"):
        assignments_of([], [], '{"a": "\udcff"')


def test_the_schema_of_the_context_decides_the_types() -> None:
    schema = [{"key": "phone", "type": "string"}, {"key": "age", "type": "integer"}, "no field"]
    actions = assignments_of(["phone=170123456", "age=36", "other=36"], ["zip=00123"], None).actions({"schema": schema})
    assert {action["key"]: action["value"] for action in actions} == {
        "phone": "170123456",
        "age": 36,
        "other": 36,
        "zip": "00123",
    }


def test_rows_are_removed_and_moved_before_others_are_added_and_filled() -> None:
    rows = RowOptions(
        add=['lines={"note": "a=b"}', "lines"], remove=["lines/r1"], move=["lines/r3=first", "lines/r4=r3"]
    )
    assert assignments_of(["lines/r3/amount=12"], [], None, rows=rows).actions({}) == [
        {"type": "remove", "key": "lines/r1"},
        {"type": "move", "key": "lines/r3", "after": None},
        {"type": "move", "key": "lines/r4", "after": "r3"},
        {"type": "add", "key": "lines", "value": {"note": "a=b"}},
        {"type": "add", "key": "lines"},
        {"type": "set", "key": "lines/r3/amount", "value": 12},
    ]


def test_the_column_decides_the_type_of_a_cell() -> None:
    lines = {
        "key": "lines",
        "type": "rows",
        "fields": [{"key": "zip", "type": "string"}, {"key": "n", "type": "integer"}],
    }
    actions = assignments_of(["lines/r1/zip=00123", "lines/r1/n=3"], [], None).actions({"schema": [lines]})
    assert [action["value"] for action in actions] == ["00123", 3]
