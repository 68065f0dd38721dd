"""Refusals by a host's own validation: which shapes are understood, and to which keys they lead."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field, ValidationError, model_validator

from handshake_prompt import FieldErrors
from handshake_prompt.forms.problems import Path, Problem
from handshake_prompt.forms.refusals import Refusal, place_in

PLACES = {"name", "age", "home", "home/street", "lines", "lines/r1", "lines/r2", "lines/r2/amount", "a/b", "a~1b"}
ROWS = {"lines": ["r1", "r2"]}


def told(errors: Any) -> list[tuple[tuple[str, ...], str]]:
    problems = Refusal(errors).problems(lambda path: place_in(path, PLACES.__contains__, ROWS))
    return [(problem.keys, problem.msg) for problem in problems]


class Home(BaseModel):
    street: str = Field(min_length=2)


class Claim(BaseModel):
    age: int
    home: Home

    @model_validator(mode="after")
    def adds_up(self) -> Claim:
        if self.age == 1:
            raise ValueError("does not add up")
        return self


def refused(data: Any) -> ValidationError:
    with pytest.raises(ValidationError) as raised:
        Claim.model_validate(data)
    return raised.value


class DjangoForm:
    """A bound form of Django's, as far as it matters: lists of texts by name."""

    errors = {"age": ["Too young", "Too odd"], "__all__": ["Does not add up"]}  # noqa: RUF012 - read, never written


class DjangoError(Exception):
    message_dict = {"age": ["Too young"]}  # noqa: RUF012


class MarshmallowError(Exception):
    messages = {"lines": {1: {"amount": ["Too much"]}}, "_schema": ["Does not add up"]}  # noqa: RUF012


SHAPES: dict[str, tuple[Any, list[tuple[tuple[str, ...], str]]]] = {
    "field errors": (FieldErrors([Problem(("age", "name"), "Not both")]), [(("age", "name"), "Not both")]),
    "Pydantic": (
        refused({"age": "x", "home": {"street": ""}}),
        [
            (("age",), "Input should be a valid integer, unable to parse string as an integer"),
            (("home/street",), "String should have at least 2 characters"),
        ],
    ),
    "Pydantic, the whole": (refused({"age": 1, "home": {"street": "Elm"}}), [((), "does not add up")]),
    "Pydantic, its list": (
        refused({"age": 3, "home": {"street": ""}}).errors(),
        [(("home/street",), "String should have at least 2 characters")],
    ),
    "FastAPI": (
        RequestValidationError([{"loc": ("body", "age"), "msg": "No number", "type": "x"}], body={}),
        [(("age",), "No number")],
    ),
    "FastAPI, several arguments": (
        RequestValidationError([{"loc": ("body", "claim", "age"), "msg": "No number", "type": "x"}], body={}),
        [(("age",), "No number")],
    ),
    "FastAPI, something else": (
        RequestValidationError([{"loc": ("query", "page"), "msg": "Field required", "type": "missing"}], body={}),
        [((), "page: Field required")],
    ),
    "a Django form": (DjangoForm(), [(("age",), "Too young"), (("age",), "Too odd"), ((), "Does not add up")]),
    "an error of Django's": (DjangoError(), [(("age",), "Too young")]),
    "marshmallow": (MarshmallowError(), [(("lines/r2/amount",), "Too much"), ((), "Does not add up")]),
    "texts by name": ({"age": "Too young", "": "Closed"}, [(("age",), "Too young"), ((), "Closed")]),
    "names of controls": (
        {"home[street]": "No such street", "lines[1][amount]": "Too much"},
        [(("home/street",), "No such street"), (("lines/r2/amount",), "Too much")],
    ),
    "keys": ({"home/street": "No such street"}, [(("home/street",), "No such street")]),
    "a row": (
        {"lines": {0: "Not this one", 7: "Nor that"}},
        [(("lines/r1",), "Not this one"), (("lines",), "Nor that")],
    ),
    "a slash in a name": ({"a/b": "Odd"}, [(("a~1b",), "Odd")]),
    "a name that the form does not have": ({"csrf": "Gone stale"}, [((), "csrf: Gone stale")]),
    "a text": ("Closed", [((), "Closed")]),
    "texts": (["Closed", "And gone"], [((), "Closed"), ((), "And gone")]),
    "nothing": (None, []),
    "no errors": ({}, []),
}


@pytest.mark.parametrize(("errors", "expected"), SHAPES.values(), ids=SHAPES)
def test_what_a_host_refuses_leads_to_keys(errors: Any, expected: list[Any]) -> None:
    assert told(errors) == expected


@pytest.mark.parametrize(
    "errors", [7, ValueError("secret"), {"age": 7}, object()], ids=lambda error: type(error).__name__
)
def test_what_is_no_refusal_is_told_without_its_text(errors: Any) -> None:
    with pytest.raises(TypeError, match="texts by name") as raised:
        Refusal(errors)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    "path", [("age",) * 10_000, (10**30,), ("lines", -1), ("lines", True), ("",), ()], ids=["long", *"abcde"]
)
def test_any_path_leads_somewhere(path: Path) -> None:
    assert place_in(path, PLACES.__contains__, ROWS)[0] in {"age", "lines", "lines/r2", ""}


def test_a_name_of_thousands_of_digits_is_the_name_of_nothing() -> None:
    name = "9" * 5000
    assert told({name: ["Unknown field."], f"lines[{name}]": ["none"]})[1][0] == ("lines",)
