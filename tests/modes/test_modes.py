"""Which mode a session gets, what a mode does by default, and that hosts can bring their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest

from handshake_prompt import HandshakeApp
from handshake_prompt.modes import DEFAULT_HANDLERS, DefaultHandler, FormFillHandler, ModeHandler, Modes
from handshake_prompt.protocol.bodies import Action, CreateRequest
from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.errors import InvalidRequestError, InvalidSchemaError, UnknownModeError
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.messages import Outcome
from handshake_prompt.session import Session
from handshake_prompt.session.authors import By
from tests.conftest import Open
from tests.support.forms import act, edit, new_session, put
from tests.support.in_process import open_in_process

# The registry


def modes(handlers: Mapping[str, ModeHandler] = DEFAULT_HANDLERS, **options: Any) -> Modes:
    return Modes(handlers, Limits(), **options)


NAMED: dict[str, tuple[str, bool, bool, type[ModeHandler] | None]] = {
    "default": ("default", False, False, DefaultHandler),
    "default with a schema": ("default", True, True, DefaultHandler),
    "form-fill": ("form-fill", True, True, FormFillHandler),
    "form-fill without a schema": ("form-fill", False, True, FormFillHandler),
    "an unknown one": ("device-pair", False, False, DefaultHandler),
    "an unknown one with a schema": ("device-pair", True, False, None),
    "an unknown one where they are refused": ("device-pair", False, True, None),
    "another spelling": ("Form-Fill", True, False, None),
}
"""What is asked for, whether with a schema, whether the server is strict, and what there is: None for a refusal."""


@pytest.mark.parametrize(("name", "with_schema", "strict", "kind"), NAMED.values(), ids=NAMED)
def test_an_unknown_mode_is_default_unless_it_needs_to_be_known(
    name: str, *, with_schema: bool, strict: bool, kind: type[ModeHandler] | None
) -> None:
    registry = modes(strict=strict)
    schema = [{"key": "name", "label": "Name"}] if with_schema else None
    if kind is not None:
        assert type(registry.named(name, schema)) is kind
        return
    with pytest.raises(UnknownModeError) as refusal:
        registry.named(name, schema)
    assert refusal.value.detail.endswith("default, fill-form, form-fill")
    assert name not in refusal.value.detail


RULES: dict[str, Any] = {
    "minRows": 1,
    "maxRows": 2,
    "sensitive": True,
    "readOnly": True,
    "required": True,
    "multiple": True,
    "type": "integer",
    "options": ["a"],
    "min": 0,
    "maxLength": 9,
    "pattern": "a*",
}


class Plain(DefaultHandler):
    pass


class Honouring(DefaultHandler):
    honours_schema = True


class Duck:
    """A mode by its methods alone."""


@pytest.mark.parametrize(
    "handler", [DefaultHandler(), Plain(), cast("ModeHandler", Duck())], ids=["default", "own", "duck"]
)
@pytest.mark.parametrize(("member", "given"), RULES.items(), ids=RULES)
def test_a_mode_that_does_not_honour_a_schema_refuses_one_that_asks_for_something(
    member: str, given: Any, handler: ModeHandler
) -> None:
    registry = modes({**DEFAULT_HANDLERS, "mine": handler})
    with pytest.raises(InvalidSchemaError, match=rf"schema\[1\]: {member} would have no effect"):
        registry.named("mine", [{"key": "a"}, {"key": "b", member: given}])


PROTECTIVE: dict[str, Any] = {
    "another case": {"key": "a", "Sensitive": True},
    "shouting": {"key": "a", "SENSITIVE": "yes"},
    "HTML's case": {"key": "a", "readonly": ""},
    "Python's case": {"key": "a", "read_only": True},
    "a blank": {"key": "a", "sensitive ": True},
    "a group": {"key": "g", "fields": [{"key": "a", "sensitive": True}]},
    "fields by key": {"a": {"sensitive": True}},
    "a list": [{"key": "a", "readOnly": True}],
}


@pytest.mark.parametrize("entry", PROTECTIVE.values(), ids=PROTECTIVE)
def test_nothing_that_would_protect_a_value_is_passed_over_however_it_is_written(entry: Any) -> None:
    with pytest.raises(InvalidSchemaError, match=r"schema\[1\]: .* would have no effect"):
        modes().named("default", [{"key": "b", "fields": [{"sensitive": False}]}, entry])


@pytest.mark.parametrize("entry", [{"key": "a", "label": "A", "desc": "x", "sensitive": False, "min": None}, "x", {}])
def test_a_schema_that_is_for_show_is_nobodys_to_honour(entry: Any) -> None:
    assert type(modes().named("default", [entry])) is DefaultHandler


def test_a_mode_that_says_it_honours_a_schema_gets_it() -> None:
    handler = Honouring()
    assert modes({**DEFAULT_HANDLERS, "mine": handler}).named("mine", [{"key": "a", "sensitive": True}]) is handler


def test_fill_form_is_form_fill() -> None:
    registry = modes()
    assert registry.named("fill-form") is registry.named("form-fill")


@pytest.mark.parametrize("strict", [False, True])
def test_a_session_keeps_its_mode_and_one_of_a_mode_since_removed_is_default(*, strict: bool) -> None:
    registry = modes(strict=strict)
    session = new_session(DefaultHandler())
    for name, kind in (("form-fill", FormFillHandler), ("default", DefaultHandler), ("removed", DefaultHandler)):
        session.mode = name
        assert type(registry.of(session)) is kind


def test_a_registry_needs_a_default() -> None:
    with pytest.raises(ValueError, match="DEFAULT_HANDLERS"):
        modes({"form-fill": FormFillHandler()})


def test_form_modes_are_bound_to_the_engine_and_all_others_stay_the_hosts_own() -> None:
    shared, own = FormFillHandler(), DefaultHandler()
    handlers = {"default": own, "a": shared, "b": shared, "c": FormFillHandler()}
    registry = modes(handlers, validator=lambda value, _: bool(value == "yes"))
    a, b, c, default = (registry.named(name) for name in ("a", "b", "c", "default"))
    assert a is b
    assert len({id(shared), id(a), id(c)}) == 3
    assert default is own
    for handler, status in ((a, "applied"), (c, "applied"), (shared, "error")):
        session = new_session(handler, schema=[{"key": "sure", "type": "bool"}])
        [outcome], _ = act(handler, session, put("sure", "yes"))
        assert outcome.status == status


# What a mode does by default


def test_values_given_at_creation_are_open_to_the_agent_in_default_mode() -> None:
    handler = DefaultHandler()
    session = new_session(handler, defaults={"a": 1, "b": 2}, context={"b": 3, "c": ""})
    assert {key: (value.value, value.by) for key, value in session.values.items()} == {
        "a": (1, "default"),
        "b": (3, "default"),
        "c": ("", "default"),
    }
    (typed, untyped), session = act(handler, session, put("a", "x"), Action(None, "b", "y"))
    assert [(one.key, session.whose(one.key or "")) for one in (typed, untyped)] == [("a", By.AI), ("b", By.AI)]
    assert handler.context_response(session, Role.AGENT) == {"data": {"a": "x", "b": "y", "c": ""}}


def test_locks_and_revisions_hold_in_default_mode() -> None:
    handler = DefaultHandler()
    outcome, session = edit(handler, new_session(handler, data={"a": 1}), "a", 2)
    assert (outcome.status, session.whose("a")) == ("applied", "user")
    (locked, new, stale), session = act(handler, session, put("a", 3), put("b", 4, if_rev=0), put("b", 5, if_rev=0))
    assert [locked.code, new.code, stale.code] == ["user_locked", None, "stale"]
    assert (session.value("a"), session.value("b")) == (2, 4)


def test_an_action_without_a_type_is_told_the_types_where_one_is_asked_for() -> None:
    handler = FormFillHandler()
    (outcome,), _ = act(handler, new_session(handler, schema=[{"key": "a"}]), Action(None, "a", 1))
    assert (outcome.code, outcome.msg) == (
        "unsupported_action",
        "The action has no type; this mode knows: set, add, remove, move",
    )


REFUSED: dict[str, tuple[Action, Outcome]] = {
    "another type": (
        Action("call", "a", 1),
        Outcome("a", "error", "unsupported_action", msg="Unsupported action type 'call'; this mode knows: set"),
    ),
    "another type without a key": (
        Action("call"),
        Outcome(
            None,
            "error",
            "unsupported_action",
            msg="Unsupported action type 'call'; this mode knows: set",
            action={"type": "call"},
        ),
    ),
    "no key": (
        Action(None, None, 1),
        Outcome(None, "error", "missing_key", msg="The action has no key", action={}),
    ),
}


@pytest.mark.parametrize(("action", "said"), REFUSED.values(), ids=REFUSED)
def test_an_action_that_no_field_can_answer_for_is_an_outcome_too(action: Action, said: Outcome) -> None:
    outcomes, session = act(DefaultHandler(), new_session(DefaultHandler()), action, put("b", 1))
    assert (outcomes[0], outcomes[1].status) == (said, "applied")
    assert list(session.values) == ["b"]


@pytest.mark.parametrize("handler", [DefaultHandler(), FormFillHandler()], ids=["default", "form-fill"])
def test_a_message_that_no_mode_knows_is_refused(handler: ModeHandler) -> None:
    with pytest.raises(InvalidRequestError) as refusal:
        handler.process_ws_message(new_session(handler), {"type": "dance"})
    assert refusal.value.code == "unknown_message"


def test_a_mode_has_to_say_what_its_context_is() -> None:
    with pytest.raises(TypeError, match="context_response"):
        ModeHandler()  # type: ignore[abstract]


# Modes of the host's own


class Lowercase(DefaultHandler):
    """Overrides one thing: every value is written in lower case."""

    def set_value(self, session: Session, key: str, value: Any, *, if_rev: int | None = None) -> Outcome:
        return super().set_value(session, key, str(value).lower(), if_rev=if_rev)


async def test_a_mode_that_overrides_one_method_serves_both_roles() -> None:
    hpp = HandshakeApp(mode_handlers={**DEFAULT_HANDLERS, "lower": Lowercase()}, strict_modes=True)
    peer = await open_in_process(hpp, {"mode": "lower", "schema": [{"key": "a"}], "data": {"a": "Given"}})
    assert peer.created["mode"] == "lower"
    assert (await peer.act({"a": "AGENT"}))["applied"] == ["a"]
    await peer.edit("b", "PERSON")
    assert (await peer.context())["data"] == {"a": "agent", "b": "person"}


class Counter:
    """A mode that is no `ModeHandler`: five methods, and state of its own beside a value."""

    def setup_session(self, session: Session, body: CreateRequest) -> None:
        session.state = {"steps": 0}
        session.give("count", 10, by=By.DEFAULT)

    def context_response(self, session: Session, role: Role) -> dict[str, Any]:
        return {"steps": session.state["steps"], "seenBy": role}

    def process_actions(self, session: Session, actions: Sequence[Action]) -> list[Outcome]:
        return [self._add(session, action.value) for action in actions]

    def process_notify(self, session: Session, key: str, value: Any) -> Outcome:
        return session.write("count", value)

    def process_ws_message(self, session: Session, message: Mapping[str, Any]) -> list[Outcome]:
        return [self._add(session, -1)]

    def _add(self, session: Session, amount: int) -> Outcome:
        session.state = {"steps": session.state["steps"] + 1}
        return session.write("count", session.value("count") + amount)


async def test_a_mode_is_whatever_has_the_five_methods(pair: Open) -> None:
    handlers = cast("Mapping[str, ModeHandler]", {**DEFAULT_HANDLERS, "counter": Counter()})
    peer = await pair(HandshakeApp(mode_handlers=handlers), {"mode": "counter"})
    add = [{"type": "add", "value": amount} for amount in (1, 2)]
    reply = (await peer.agent("POST", "action", {"actions": add})).json()
    assert (reply["applied"], [result["seq"] for result in reply["results"]]) == (["count", "count"], [1, 2])
    async with peer.watch() as page:
        assert (await page.next("connected"))["snapshot"]["steps"] == 2
        await page.send({"type": "less", "ref": 7})
        assert {"type": "ack", "key": "count", "by": "user_edit", "ref": 7}.items() <= (await page.next("ack")).items()
    assert (await peer.edit("anything", 100))["key"] == "count"
    seen = await peer.context(role="agent")
    assert (seen["context"]["count"]["value"], seen["steps"], seen["seenBy"]) == (100, 3, "agent")
