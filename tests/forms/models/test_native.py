"""Models that run native code alone are told from those with code of the host's."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated, Any

import msgspec
import pytest
from pydantic import AfterValidator, BaseModel, Field, field_validator

from handshake_prompt.forms.models import model_of


class Colour(Enum):
    RED = "red"


class Guessing(Enum):
    RED = "red"

    @classmethod
    def _missing_(cls, _: object) -> Guessing:
        return cls.RED


class Plain(BaseModel):
    name: str = Field(min_length=2)
    tags: list[str] = Field(default_factory=list)
    colour: Colour | None = None


class Judging(BaseModel):
    name: str

    @field_validator("name")
    @classmethod
    def judged(cls, name: str) -> str:
        return name


class Around(BaseModel):
    inner: list[Judging] = []


class AfterInit(BaseModel):
    name: str = ""

    def model_post_init(self, _: object) -> None:
        pass


class Made(BaseModel):
    name: str = Field(default_factory=lambda: "x")


@dataclass
class PlainRecord:
    name: str
    tags: list[str] = field(default_factory=list)


@dataclass
class CheckedRecord:
    name: str

    def __post_init__(self) -> None:
        pass


@dataclass
class RecordAround:
    inner: list[CheckedRecord]


class Tree(msgspec.Struct):
    left: Tree | None = None


NATIVE: dict[str, tuple[Any, bool]] = {
    "a model": (Plain, True),
    "a model with a validator": (Judging, False),
    "a model around one": (Around, False),
    "a model with something to do afterwards": (AfterInit, False),
    "a model with a factory": (Made, False),
    "an annotated type with a validator": (Annotated[str, AfterValidator(str.strip)], False),
    "a dataclass": (PlainRecord, True),
    "a dataclass that checks itself": (CheckedRecord, False),
    "a dataclass around one": (RecordAround, False),
    "a type that holds itself": (Tree, True),
    "an enum": (msgspec.defstruct("Coloured", [("colour", Colour)]), True),
    "an enum that guesses": (msgspec.defstruct("Guessed", [("colour", Guessing)]), False),
    "a schema": ({"type": "object"}, False),
    "fields by hand": ([{"key": "a"}], True),
}


@pytest.mark.parametrize(("source", "is_native"), NATIVE.values(), ids=NATIVE)
def test_a_model_knows_whether_code_of_the_hosts_is_in_it(source: Any, is_native: bool) -> None:  # noqa: FBT001
    assert model_of(source).is_native is is_native
