"""The registry of forms: what opens, and the mistakes of a host that are told to it at once."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypedDict, assert_type

import msgspec
import pytest
from pydantic import BaseModel, create_model

from handshake_prompt import FieldErrors, HandshakeApp, Limits, NamedForm, ProtocolEngine, SubmittedForm
from handshake_prompt.modes import DefaultHandler, FormFillHandler
from tests.support.pairing import code_of, open_pair, virtual_engine
from tests.support.virtual_time import in_virtual_time


class Claim(BaseModel):
    name: str
    amount: float = 0.0
    iban: str | None = None


@dataclass
class Order:
    item: str
    count: int = 1


class Struct(msgspec.Struct):
    item: Annotated[str, msgspec.Meta(min_length=2)]


BY_HAND = [{"key": "item", "required": True}]
DOCUMENT = {"type": "object", "properties": {"item": {"type": "string"}}, "required": ["item"]}
MODELS: dict[str, Any] = {"dataclass": Order, "struct": Struct, "by hand": BY_HAND, "JSON Schema": DOCUMENT}


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
@in_virtual_time
async def test_a_form_is_opened_by_name_whatever_it_is_made_from(model: Any) -> None:
    engine = virtual_engine()
    form = engine.form("order", model)
    pair = await open_pair(engine, {"form": "order"})
    assert (await pair.context())["missing"] == ["item"]
    await pair.act({"item": "pen"})
    context = await pair.context()
    assert (context["missing"], form.fields) == ([], context["schema"])
    assert msgspec.to_builtins(form.parse({"item": "pen"}))["item"] == "pen"


def test_the_typed_value_is_an_instance_of_the_model() -> None:
    claims = HandshakeApp().form("claim", Claim, sensitive={"iban"})
    assert claims.parse({"name": "Ada", "amount": 3}) == Claim(name="Ada", amount=3)
    with pytest.raises(FieldErrors, match="name: Field required"):
        claims.parse({"amount": 3})


class Place(TypedDict):
    item: str


def test_a_type_checker_knows_the_typed_value() -> None:
    hpp = HandshakeApp()
    claims = assert_type(hpp.form("claim", Claim, person={"name"}), NamedForm[Claim])
    assert assert_type(claims.parse({"name": "Ada"}), Claim).amount == 0
    assert_type(hpp.form("order", Order), NamedForm[Order])
    assert_type(hpp.form("struct", Struct), NamedForm[Struct])
    assert_type(hpp.form("place", Place), NamedForm[Place])
    assert_type(hpp.form("list", list[int]), NamedForm[list[int]])
    assert_type(hpp.form("either", Claim | Order), NamedForm[Any])
    assert_type(hpp.form("hand", BY_HAND), NamedForm[Any])
    assert_type(hpp.form("document", DOCUMENT), NamedForm[Any])

    @claims.on_submit
    def save(submission: SubmittedForm[Claim]) -> str:
        return assert_type(submission.value, Claim).name

    with pytest.raises(ValueError, match="already"):
        claims.on_submit(order_of)  # type: ignore[arg-type] # of another form


def order_of(submission: SubmittedForm[Order]) -> str:
    return submission.value.item


async def room(document: dict[str, Any]) -> dict[str, str]:
    return {"item": "there is none left"} if document["item"] == "cup" else {}


@pytest.mark.parametrize("validator", [None, room], ids=["no rules", "async rules"])
async def test_a_context_becomes_the_typed_value(validator: Any) -> None:
    engine = ProtocolEngine()
    orders = engine.form("order", Order, validator=validator)
    pair = await open_pair(engine, {"form": "order", "context": {"item": "pen", "count": 3}})
    assert await orders.parse_context(await pair.context()) == Order("pen", 3)
    await pair.edit("item", "cup")
    if validator is None:
        assert await orders.parse_context(await pair.context()) == Order("cup", 3)
        return
    with pytest.raises(FieldErrors, match="there is none left"):
        await orders.parse_context(await pair.context())
    with pytest.raises(TypeError, match=r"is async: await form.parse_async\(...\) instead"):
        orders.parse({"item": "pen"})


async def test_an_async_validator_may_raise_what_it_finds() -> None:
    async def raises(_: object) -> None:
        raise FieldErrors({"item": "is gone"})

    orders = ProtocolEngine().form("order", Order, validator=raises)
    with pytest.raises(FieldErrors, match="item: is gone"):
        await orders.parse_async({"item": "pen"})


@in_virtual_time
async def test_the_pages_own_defaults_count_before_the_forms() -> None:
    engine = virtual_engine()
    engine.form("order", Order, defaults={"item": "pen"})
    pair = await open_pair(engine, {"form": "order", "defaults": {"count": 5}, "context": {"item": "cup"}})
    assert await pair.values() == {"item": ("cup", "user"), "count": (5, "default")}


@in_virtual_time
async def test_a_value_that_no_field_is_for_is_warned_of() -> None:
    engine = virtual_engine()
    engine.form("order", Order)
    pair = await open_pair(engine, {"form": "order", "context": {"item": "pen", "colour": "red"}})
    assert [warning["key"] for warning in pair.created["warnings"]] == ["colour"]
    assert "warnings" not in (await open_pair(engine, {"form": "order", "context": {"item": "pen"}})).created


@in_virtual_time
async def test_the_description_has_the_fields_that_a_session_has(caplog: pytest.LogCaptureFixture) -> None:
    engine = virtual_engine()
    form = engine.form("card", [{"key": "number", "autocomplete": "cc-number", "maxlength": 16}])
    context = await (await open_pair(engine, {"form": "card"})).context()
    assert context["schema"] == form.fields == (await engine.get_form("card")).payload["fields"]
    assert form.fields[0]["by"] == "person"
    assert "The form card, field number: " in caplog.text


@in_virtual_time
async def test_a_mode_of_the_hosts_plays_a_form_if_it_honours_a_schema() -> None:
    handlers = {"default": DefaultHandler(), "form-fill": FormFillHandler(), "claims": FormFillHandler()}
    engine = virtual_engine(mode_handlers=handlers)
    engine.form("order", Order)
    assert (await open_pair(engine, {"form": "order", "mode": "claims"})).created["mode"] == "claims"
    assert await code_of(engine.create_session({"form": "order", "mode": "default"})) == (400, "invalid_schema")


@in_virtual_time
async def test_sessions_of_other_pages_are_as_ever() -> None:
    engine = virtual_engine()
    engine.form("order", Order)
    pair = await open_pair(engine, {"mode": "form-fill", "schema": [{"key": "name"}]})
    assert "form" not in pair.created | await pair.context()
    assert (await pair.record()).session.form == ""


NAMELESS = ["", "a b", "a/b", ".", "é", "a" * 65, "a\n", "{name}"]
MISTAKES: dict[str, tuple[Callable[[ProtocolEngine], object], type[Exception], str]] = {
    "twice": (lambda engine: [engine.form("a", Order), engine.form("a", Order)], ValueError, "is a form 'a' already"),
    "no model": (lambda engine: engine.form("a", None), TypeError, "not from None"),
    "a number": (lambda engine: engine.form("a", 3), TypeError, "no form can be made from 3"),
    "an unknown field": (lambda engine: engine.form("a", Order, sensitive=["iban"]), ValueError, "has no iban"),
    "no schema": (lambda engine: engine.form("a", {"type": "nonsense"}), ValueError, "nonsense"),
    "a field without a key": (lambda engine: engine.form("a", [{"key": 3}]), ValueError, r"fields\[0\] has to be"),
    "rows without fields": (
        lambda engine: engine.form("a", [{"key": "a", "type": "rows", "fields": 3}]),
        ValueError,
        r"fields\[0\].fields has to be a list",
    ),
    "a member of another shape": (
        lambda engine: engine.form("a", [{"key": "a", "required": "yes"}]),
        ValueError,
        r"the form 'a' cannot be opened: schema\[0\]: required must be true or false",
    ),
    "too many fields": (
        lambda engine: engine.form("a", [{"key": f"f{number}"} for number in range(3)]),
        ValueError,
        "cannot be opened: the schema has 3 fields: send at most 2",
    ),
    "a misspelt option": (lambda engine: engine.form("a", Order, sensitiv=["item"]), TypeError, "sensitiv"),  # type: ignore[call-overload]
}


@pytest.mark.parametrize(("make", "error", "told"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_of_the_hosts_is_told_where_it_is_made(
    make: Callable[[ProtocolEngine], object], error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told):
        make(ProtocolEngine(limits=Limits(fields=2)))


@pytest.mark.parametrize("name", NAMELESS)
def test_a_name_that_no_path_could_hold_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot name a form"):
        ProtocolEngine().form(name, Order)


def test_fields_that_no_session_has_room_for_are_refused() -> None:
    fields = [{"key": f"f{number}", "desc": "x" * 20_000} for number in range(40)]
    with pytest.raises(ValueError, match=r"take 800951 bytes.+ Limits.session_bytes is 524288"):
        ProtocolEngine().form("a", fields)


def test_a_mode_that_honours_no_schema_opens_no_form() -> None:
    with pytest.raises(ValueError, match="form-fill"):
        ProtocolEngine(mode_handlers={"default": DefaultHandler()}).form("a", Order)


async def test_a_form_that_comes_after_the_first_request_is_refused() -> None:
    engine = ProtocolEngine()
    engine.form("a", Order)
    await engine.create_session({"form": "a"})
    with pytest.raises(RuntimeError, match="register the form 'b' where the application is built"):
        engine.form("b", Order)


def test_a_model_that_is_not_whole_is_refused_in_pydantics_words() -> None:
    other: Any = ("Nowhere", ...)
    with pytest.raises(TypeError, match=r"no form can be made from .*Unfinished.* is not fully defined"):
        ProtocolEngine().form("a", create_model("Unfinished", other=other))


def test_a_field_that_no_json_holds_is_refused_in_pydantics_words() -> None:
    with pytest.raises(TypeError, match="Cannot generate a JsonSchema"):
        ProtocolEngine().form("a", create_model("Calling", call=(Callable[[], int], ...)))


def test_constraints_of_pydantics_need_it(monkeypatch: pytest.MonkeyPatch) -> None:
    constrained = msgspec.defstruct("Constrained", [("item", Annotated[str, __import__("annotated_types").MinLen(2)])])
    monkeypatch.setitem(sys.modules, "pydantic", None)
    with pytest.raises(TypeError, match="with Pydantic installed it may be"):
        ProtocolEngine().form("a", constrained)


def test_a_schema_without_its_validator_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jsonschema", None)
    with pytest.raises(ImportError, match=r"handshake-prompt\[forms\]"):
        ProtocolEngine().form("a", DOCUMENT)


def test_a_form_shows_its_name() -> None:
    assert repr(ProtocolEngine().form("order", Order)) == "<NamedForm 'order' of 2 fields>"
    assert isinstance(ProtocolEngine().form("order", Order), NamedForm)
