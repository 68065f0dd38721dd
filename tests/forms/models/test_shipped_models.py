"""Models that other packages ship, made by nobody for this: each is a form, and loses none of its rules."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Iterator
from typing import Any

import fastapi.openapi.models
import jsonschema
import mcp_types
import msgspec
import pydantic
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from handshake_prompt.forms.form_model import FormModel
from tests.support.json_schemas import documents

METASCHEMAS = {
    f"draft {name}": validator.META_SCHEMA
    for name, validator in (
        ("4", jsonschema.Draft4Validator),
        ("6", jsonschema.Draft6Validator),
        ("7", jsonschema.Draft7Validator),
        ("2019-09", jsonschema.Draft201909Validator),
        ("2020-12", jsonschema.Draft202012Validator),
    )
}


def models_in(module: types.ModuleType) -> Iterator[tuple[str, type[pydantic.BaseModel]]]:
    for name, value in vars(module).items():
        if inspect.isclass(value) and issubclass(value, pydantic.BaseModel) and value is not pydantic.BaseModel:
            yield name, value


FASTAPI = dict(models_in(fastapi.openapi.models))
MCP = dict(list(models_in(mcp_types))[::3])
"""Every third of some hundred and fifty."""
PYDANTIC = {
    f"{module}.{name}": model for module, found in (("fastapi", FASTAPI), ("mcp", MCP)) for name, model in found.items()
}


@pytest.mark.parametrize("name", PYDANTIC)
def test_a_shipped_model_is_a_form_that_an_agent_can_read(name: str) -> None:
    form = FormModel("shipped", PYDANTIC[name])
    assert 0 < len(form.fields) <= 500
    assert len(msgspec.json.encode(form.fields)) < 80_000


@pytest.mark.parametrize("name", PYDANTIC)
@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_shipped_model_loses_no_rule(name: str, data: st.DataObject) -> None:
    model = PYDANTIC[name]
    document = data.draw(documents(model.model_json_schema()))
    form = FormModel("shipped", model)
    try:
        cells = form.cells(document)
    except (TypeError, AttributeError):  # no object, or something else where the form has objects
        return
    again = form.document(*cells)
    status = form.status(*cells)
    try:
        model.model_validate_json(msgspec.json.encode(again))
    except pydantic.ValidationError:
        assert form.problems(*cells) or status.missing
    else:
        assert form.problems(*cells) == []
        assert isinstance(form.parse(*cells), model)


def test_enough_models_were_found() -> None:
    assert (len(FASTAPI), len(MCP)) > (20, 40)


@pytest.mark.parametrize("name", METASCHEMAS)
def test_a_schema_of_schemas_is_a_form(name: str) -> None:
    form = FormModel("schema", typing.cast("dict[str, Any]", METASCHEMAS[name]))
    by_key = {entry["key"]: entry for entry in form.fields}
    assert len(form.fields) > 30
    assert by_key["minLength"]["type"] == "integer"
    assert form.problems({"minLength": 3, "title": "x"}, {}) == []
    found = form.problems({"minLength": -3, "title": 1}, {})
    assert {problem.keys for problem in found} == {("minLength",), ("title",)}
