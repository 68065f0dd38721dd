"""Forms from types: Pydantic's models, dataclasses, TypedDicts, attrs classes and msgspec's structs."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import math
import uuid
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NotRequired, TypedDict

import msgspec
import pydantic
import pytest
from annotated_types import Gt, MinLen

from handshake_prompt.forms.form_model import FormModel
from handshake_prompt.forms.models import model_of
from handshake_prompt.forms.models.msgspec_type import MsgspecType
from handshake_prompt.forms.models.pydantic_type import PydanticType
from handshake_prompt.forms.problems import FieldErrors
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.validation import check_schema


class Kind(enum.Enum):
    TRAVEL = "travel"
    MEAL = "meal"


class Line(pydantic.BaseModel):
    day: dt.date
    amount: decimal.Decimal = pydantic.Field(gt=0, decimal_places=2)
    kind: Kind = Kind.MEAL


class Card(pydantic.BaseModel):
    by: Literal["card"]
    number: str = pydantic.Field(pattern=r"^\d{4}$")


class Bank(pydantic.BaseModel):
    by: Literal["bank"]
    iban: str = pydantic.Field(min_length=4)


class Address(pydantic.BaseModel):
    street: str
    city: str = "Ulm"


class Claim(pydantic.BaseModel):
    purpose: str = pydantic.Field(min_length=3, title="Purpose of the journey", alias="whatFor")
    lines: list[Line] = pydantic.Field(min_length=1)
    pay: Card | Bank = pydantic.Field(discriminator="by")
    home: Address | None = None
    secret: pydantic.SecretStr | None = None
    tags: set[str] = set()
    labels: dict[str, int] = {}
    until: dt.datetime | None = None

    @pydantic.model_validator(mode="after")
    def _not_too_much(self) -> Claim:
        if sum(line.amount for line in self.lines) > 100:
            raise ValueError("Too much in all")
        return self


ROWS = {"lines": ["r1", "r2"]}
VALUES = {
    "whatFor": "Train",
    "lines/r1/day": "2026-05-04",
    "lines/r1/amount": 12.5,
    "lines/r2/day": "2026-05-05",
    "lines/r2/amount": 3,
    "lines/r2/kind": "travel",
    "pay/by": "bank",
    "pay/iban": "DE00",
    "pay/number": "of another choice",
}


def test_a_pydantic_model_is_a_form_and_its_value_in_the_end() -> None:
    form = FormModel("claim", Claim)
    assert [entry["key"] for entry in form.fields] == [
        "whatFor",
        "lines",
        "pay/by",
        "pay/number",
        "pay/iban",
        "home/street",
        "home/city",
        "secret",
        "tags",
        "labels",
        "until",
    ]
    claim = form.parse(VALUES, ROWS)
    assert isinstance(claim, Claim)
    assert claim.lines[1] == Line(day=dt.date(2026, 5, 5), amount=decimal.Decimal(3), kind=Kind.TRAVEL)
    assert (claim.pay, claim.home) == (Bank(by="bank", iban="DE00"), None)
    fields = {entry["key"]: entry for entry in form.fields}
    assert fields["secret"]["sensitive"] is True
    assert (fields["tags"]["type"], fields["tags"]["unique"]) == ("array<string>", True)
    assert fields["labels"]["type"] == "json"
    assert (fields["until"]["type"], fields["until"]["nullable"]) == ("datetime", True)
    assert fields["whatFor"]["label"] == "Purpose of the journey"


@pytest.mark.parametrize(
    ("change", "keys"),
    [
        ({"whatFor": "x"}, [("whatFor",)]),
        ({"lines/r2/amount": -1}, [("lines/r2/amount",)]),
        ({"lines/r2/amount": 1.234}, [("lines/r2/amount",)]),
        ({"lines/r1/day": "2026-02-30"}, [("lines/r1/day",)]),
        ({"lines/r2/kind": "hotel"}, [("lines/r2/kind",)]),
        ({"pay/iban": "x"}, [("pay/iban",)]),
        ({"pay/by": "fax"}, [("pay/by",)]),
        ({"labels": {"a": "x"}}, [("labels",)]),
        ({"lines/r1/amount": 100}, [()]),
        ({"home/city": "Bonn"}, []),
        ({"pay/iban": ""}, []),
        ({"until": "soon"}, [("until",)]),
        ({"until": "2026-05-04T09:30"}, []),
    ],
)
def test_what_pydantic_refuses_is_a_problem_at_its_key(change: Any, keys: Any) -> None:
    assert [problem.keys for problem in FormModel("claim", Claim).problems({**VALUES, **change}, ROWS)] == keys


def test_a_secret_that_is_not_given_keeps_the_models_default() -> None:
    class Login(pydantic.BaseModel):
        secret: pydantic.SecretStr = pydantic.SecretStr("from the environment")

    form = FormModel("login", Login)
    assert form.initial == {}
    assert form.parse({}, {}).secret.get_secret_value() == "from the environment"


def test_a_default_that_is_a_tuple_is_a_list_on_the_wire() -> None:
    kind = msgspec.defstruct("Place", [("at", tuple[float, str], (1.5, "m"))])
    form = FormModel("place", kind)
    check_schema(form.fields, Limits())
    assert form.initial == {"at": [1.5, "m"]}
    assert form.parse(form.initial, {}) == kind(at=(1.5, "m"))


def test_a_default_that_json_does_not_have_stays_the_models_own() -> None:
    class Search(pydantic.BaseModel):
        most: float = math.inf

    form = FormModel("search", Search)
    assert form.initial == {}
    assert form.parse({}, {}).most == math.inf


def test_what_is_not_shown_yet_is_not_asked_for() -> None:
    form = FormModel("pay", pydantic.RootModel[Card | Bank])
    assert form.status({}, {}).missing == ("by",)
    assert form.problems({}, {}) == []
    assert [problem.keys for problem in form.problems({"by": "card"}, {})] == []
    assert form.status({"by": "card"}, {}).missing == ("number",)


def test_what_a_model_lacks_is_missing() -> None:
    form = FormModel("claim", Claim)
    assert form.status({}, {}).missing == ("whatFor", "lines", "pay/by")
    values = {key: value for key, value in VALUES.items() if key not in ("lines/r2/day", "pay/iban")}
    assert form.status({**values, "home/city": "Bonn"}, ROWS).missing == ("lines/r2/day", "pay/iban", "home/street")
    assert form.problems({}, {}) == []
    with pytest.raises(FieldErrors) as raised:
        form.parse({}, {})
    assert {problem.keys for problem in raised.value.problems} == {("whatFor",), ("lines",), ("pay/by",)}


def test_a_default_that_is_cleared_stays_cleared() -> None:
    class Note(pydantic.BaseModel):
        text: str = "to begin with"
        count: int | None = 3

    form = FormModel("note", Note)
    assert form.defaults.values == {"text": "to begin with", "count": 3}
    note = form.parse({"text": "", "count": None}, {})
    assert (note.text, note.count) == ("", None)


class Both(pydantic.BaseModel):
    """Two models of which neither says which it is."""

    to: Address | Bank


def test_models_without_a_discriminator_may_be_chosen_by_hand() -> None:
    form = FormModel("both", Both)
    assert form.fields[0]["key"] == "to/@kind"
    assert form.fields[0]["options"] == ["Address", "Bank"]
    assert form.parse({"to/street": "x"}, {}).to == Address(street="x")
    chosen = {"to/@kind": "Bank", "to/street": "x", "to/by": "bank", "to/iban": "DE00"}
    assert form.parse(chosen, {}).to == Bank(by="bank", iban="DE00")


def test_of_alternatives_the_nearest_tells_what_is_wrong() -> None:
    form = FormModel("both", Both)
    assert [problem.keys for problem in form.problems({"to/by": "bank", "to/iban": "x"}, {})] == [("to/iban",)]


class Node(pydantic.BaseModel):
    name: str
    children: list[Node] = []


def test_a_model_that_contains_itself_is_json_from_there_on() -> None:
    form = FormModel("node", Node)
    assert [entry["type"] for entry in form.fields] == ["string", "json"]
    node = form.parse({"name": "a", "children": [{"name": "b", "children": []}]}, {})
    assert node.children[0].name == "b"


# msgspec and what it decodes


class Part(msgspec.Struct):
    kg: Annotated[float, msgspec.Meta(gt=0)]
    name: str = ""


class Parcel(msgspec.Struct, rename="camel"):
    sent_on: dt.date
    parts: Annotated[list[Part], msgspec.Meta(min_length=1)]
    number: uuid.UUID | None = None
    weight: Annotated[int, msgspec.Meta(ge=1, le=9)] = 1

    def __post_init__(self) -> None:
        if self.weight < sum(part.kg for part in self.parts):
            raise ValueError("Heavier than it says")


PARTS = {"parts": ["r1", "r2"]}
PARCEL = {"sentOn": "2026-05-04", "parts/r1/kg": 1.5, "parts/r2/kg": 2, "weight": 4}


def test_a_struct_is_a_form_and_its_value_in_the_end() -> None:
    form = FormModel("parcel", Parcel)
    assert form.parse(PARCEL, PARTS) == Parcel(dt.date(2026, 5, 4), [Part(1.5), Part(2)], None, 4)
    assert form.status({}, {}).missing == ("sentOn", "parts")


@pytest.mark.parametrize(
    ("change", "keys"),
    [
        ({}, []),
        ({"sentOn": "today", "parts/r1/kg": 0, "parts/r2/kg": "x"}, [("sentOn",), ("parts/r1/kg",), ("parts/r2/kg",)]),
        ({"weight": 10}, [("weight",)]),
        ({"weight": 2}, [()]),
        ({"number": "x"}, [("number",)]),
        ({"sentOn": "", "parts/r1/kg": "", "weight": 0}, [("weight",)]),
    ],
)
def test_each_field_that_msgspec_refuses_is_a_problem(change: Any, keys: Any) -> None:
    assert [problem.keys for problem in FormModel("parcel", Parcel).problems({**PARCEL, **change}, PARTS)] == keys


@dataclass
class Item:
    title: str
    price: Annotated[float, msgspec.Meta(multiple_of=0.5)] = 0.5


@dataclass
class Order:
    items: list[Item]
    to: Item | None = None
    state: Literal["new", "sent"] = "new"
    notes: list[str] = field(default_factory=list)


class Person(TypedDict):
    name: str
    age: NotRequired[Annotated[int, msgspec.Meta(ge=0)]]


def test_a_dataclass_and_a_typed_dict_are_forms_too() -> None:
    order = FormModel("order", Order)
    assert order.parse({"items/r1/title": "x", "state": "sent"}, {"items": ["r1"]}) == Order([Item("x")], state="sent")
    assert [one.keys for one in order.problems({"items/r1/title": 3, "state": "x"}, {"items": ["r1"]})] == [
        ("items/r1/title",),
        ("state",),
    ]
    person = FormModel("person", Person)
    assert person.parse({"name": "Ada"}, {}) == {"name": "Ada"}
    assert [problem.keys for problem in person.problems({"name": "Ada", "age": -1}, {})] == [("age",)]


class Cat(msgspec.Struct, tag=True):
    lives: int


class Dog(msgspec.Struct, tag=True):
    tricks: list[str]


class Owner(msgspec.Struct):
    pet: Cat | Dog


def test_tagged_structs_are_told_apart_by_their_tag() -> None:
    form = FormModel("owner", Owner)
    assert form.fields[0]["options"] == ["Cat", "Dog"]
    assert form.status({"pet/type": "Cat"}, {}).missing == ("pet/lives",)
    assert form.parse({"pet/type": "Dog", "pet/tricks": ["sit"], "pet/lives": 9}, {}) == Owner(Dog(["sit"]))
    assert [problem.keys for problem in form.problems({"pet/type": "Cat", "pet/lives": "x"}, {})] == [("pet/lives",)]


# Which library validates


@dataclass
class Constrained:
    name: Annotated[str, MinLen(3)]
    count: Annotated[int, Gt(0)] = 1


@dataclass
class Undecided:
    """Two classes without a tag: msgspec does not take them, Pydantic does."""

    what: Item | Order


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        (Claim, PydanticType),
        (pydantic.dataclasses.dataclass(Item), PydanticType),
        (Constrained, PydanticType),
        (list[Constrained], PydanticType),
        (Undecided, PydanticType),
        (Order, MsgspecType),
        (Person, MsgspecType),
        (Parcel, MsgspecType),
        (list[Order], MsgspecType),
    ],
)
def test_no_constraint_is_passed_over_by_the_library_that_validates(source: Any, kind: type) -> None:
    assert isinstance(model_of(source), kind)


def test_constraints_that_msgspec_does_not_know_hold() -> None:
    form = FormModel("constrained", Constrained)
    assert [problem.keys for problem in form.problems({"name": "x", "count": 0}, {})] == [("name",), ("count",)]
    assert form.parse({"name": "Ada"}, {}) == Constrained("Ada")


class Opaque:
    def __init__(self, anything: object) -> None:
        self.anything = anything


@pytest.mark.parametrize("source", [Opaque, Opaque(1), list[Opaque]])
def test_a_class_that_says_nothing_of_its_fields_is_refused(source: Any) -> None:
    with pytest.raises(TypeError, match="no form can be made"):
        model_of(source)


class Access(enum.IntFlag):
    READ = 4
    WRITE = 2


@pytest.mark.parametrize("kind", ["msgspec", "pydantic"])
def test_flags_take_any_sum_of_theirs(kind: str) -> None:
    members: Any = {"own": (Access, ...), "other": (Access | None, None)}
    struct = msgspec.defstruct("File", [("own", Access), ("other", Access | None, None)])
    form = FormModel("file", struct if kind == "msgspec" else pydantic.create_model("File", **members))
    own, other = form.fields
    told = "The sum of any of READ = 4, WRITE = 2"
    assert (own["type"], own["desc"], other["type"], other["desc"]) == ("integer", told, "integer", told)
    assert "options" not in own
    assert form.parse({"own": 6, "other": 0}, {}).own == Access.READ | Access.WRITE


def test_a_member_with_a_path_for_an_alias_has_a_field_of_its_name() -> None:
    class Nested(pydantic.BaseModel):
        deep: int = pydantic.Field(validation_alias=pydantic.AliasPath("up", 0))

    class Aliased(pydantic.BaseModel):
        path: int = pydantic.Field(gt=3, validation_alias=pydantic.AliasPath("at", "place"))
        either: int = pydantic.Field(validation_alias=pydantic.AliasChoices(pydantic.AliasPath("x", 1), "other"))
        nested: Nested

    form = FormModel("aliased", Aliased)
    values = {"path": 4, "other": 2, "nested/deep": 3}
    assert [entry["key"] for entry in form.fields] == list(values)
    assert form.parse(values, {}) == Aliased.model_validate({"at": {"place": 4}, "other": 2, "nested": {"up": [3]}})
    assert [one.keys for one in form.problems({**values, "path": 3}, {})] == [("path",)]
    assert form.problems({"other": 2}, {}) == []
    assert form.status({"other": 2}, {}).missing == ("path", "nested/deep")
