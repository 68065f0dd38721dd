"""A form takes what its schema lets in, knows what is missing, and never works for long on one batch."""

from __future__ import annotations

from typing import Any

import pytest

from handshake_prompt import HandshakeApp
from handshake_prompt.modes import FormFillHandler
from handshake_prompt.protocol.bodies import Action
from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.errors import InvalidSchemaError, TooLargeError
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.session import Turn
from tests.support.cost import counting_cost, python_calls
from tests.support.forms import NOON, act, edit, form_of, new_session, put, shown
from tests.support.in_process import open_in_process

SCHEMA = [
    {"key": "name", "required": True},
    {"key": "age", "type": "int", "min": 0, "required": True},
    {"key": "secret", "sensitive": True},
    {"key": "number", "readOnly": True},
]

# What the body gives for the field `name`, and the value and author it starts with.
GIVEN: dict[str, tuple[dict[str, Any], tuple[Any, str] | None]] = {
    "nothing": ({}, None),
    "a value": ({"context": {"name": "Ada"}}, ("Ada", "user")),
    "a value by its other name": ({"data": {"name": "Ada"}}, ("Ada", "user")),
    "an empty value": ({"context": {"name": ""}}, ("", "empty")),
    "false is a value": ({"context": {"name": False}}, (False, "user")),
    "a default": ({"defaults": {"name": "Bob"}}, ("Bob", "default")),
    "a default and a value": ({"defaults": {"name": "Bob"}, "context": {"name": "Ada"}}, ("Ada", "user")),
    "a default and an empty value": ({"defaults": {"name": "Bob"}, "context": {"name": None}}, ("Bob", "default")),
}


@pytest.mark.parametrize(("body", "starts"), GIVEN.values(), ids=GIVEN)
def test_values_given_at_creation_are_the_persons_unless_they_are_empty_or_defaults(
    body: dict[str, Any], starts: tuple[Any, str] | None
) -> None:
    session = new_session(FormFillHandler(), schema=SCHEMA, **body)
    held = {key: (value.value, value.by) for key, value in session.values.items()}
    assert held == ({} if starts is None else {"name": starts})


def test_a_schema_that_cannot_be_honoured_opens_no_session() -> None:
    with pytest.raises(InvalidSchemaError):
        new_session(FormFillHandler(), schema=[{"label": "no key"}])


WRITES: dict[str, tuple[str, Any, str | None, str | None]] = {
    "a value that fits": ("age", 36, None, None),
    "a value that does not fit": ("age", "old", "invalid_value", None),
    "a value out of bounds": ("age", -1, "invalid_value", None),
    "a sensitive field": ("secret", "s3cret", None, None),
    "a sensitive field of another type": ("secret", 5, "invalid_value", None),
    "a read-only field": ("number", "1", "read_only", "read_only"),
    "a field the form does not have": ("other", "1", "unknown_field", "unknown_field"),
    "a value given for a field the form does not have": ("stray", "2", "unknown_field", "unknown_field"),
    "a default of a read-only field": ("number", None, "read_only", "read_only"),
}
"""What is written, and the codes with which the agent and the person are refused."""


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize(("key", "value", "agent_code", "person_code"), WRITES.values(), ids=WRITES)
def test_a_write_is_checked_against_the_schema(
    key: str, value: Any, agent_code: str | None, person_code: str | None, role: Role
) -> None:
    handler = FormFillHandler()
    session = new_session(handler, schema=SCHEMA, defaults={"stray": "1", "number": "7"})
    if role is Role.AGENT:
        ([outcome], after), code = act(handler, session, put(key, value)), agent_code
    else:
        (outcome, after), code = edit(handler, session, key, value), person_code
    assert (outcome.key, outcome.code) == (key, code)
    assert outcome.status == ("applied" if code is None else "error")
    assert after.value(key) == (value if code is None else session.value(key))


def test_a_value_for_a_field_the_form_does_not_have_is_shown_to_both() -> None:
    session = new_session(FormFillHandler(), schema=SCHEMA, context={"stray": "1"})
    assert [session.field_record("stray", role)["value"] for role in Role] == ["1", "1"]


@pytest.mark.parametrize("schema", [None, []], ids=repr)
def test_without_a_schema_every_key_is_taken(schema: list[Any] | None) -> None:
    handler = FormFillHandler()
    session = new_session(handler, schema=schema)
    [outcome], session = act(handler, session, put("anything", {"a": 1}))
    assert (outcome.status, session.value("anything")) == ("applied", {"a": 1})
    assert shown(handler, session, Role.AGENT) == {"schema": [], "missing": []}


ODD: dict[str, tuple[Action, str, str | None]] = {
    "without a type": (Action(None, "name", "x"), "unsupported_action", "name"),
    "of an unknown type": (Action("call", "name", "x"), "unsupported_action", "name"),
    "without a key": (Action("set", None, "x"), "missing_key", None),
    "of nothing": (Action(), "unsupported_action", None),
}


@pytest.mark.parametrize(("action", "code", "key"), ODD.values(), ids=ODD)
def test_an_action_of_another_shape_is_refused_and_spares_the_batch(action: Action, code: str, key: str | None) -> None:
    handler = FormFillHandler()
    (odd, last), after = act(handler, new_session(handler, schema=SCHEMA), action, put("name", "Ada"))
    assert (odd.status, odd.code, odd.key) == ("error", code, key)
    assert (last.status, after.value("name")) == ("applied", "Ada")


def test_locks_and_revisions_hold_in_a_form() -> None:
    handler = FormFillHandler()
    session = new_session(handler, schema=SCHEMA, context={"name": "Ada"})
    (locked, first), session = act(handler, session, put("name", "Bob"), put("age", 1))
    assert (locked.status, locked.code, first.status) == ("rejected", "user_locked", "applied")
    (stale, fresh), session = act(handler, session, put("age", 2, if_rev=0), put("age", 3, if_rev=1))
    assert (stale.code, fresh.status, session.value("age")) == ("stale", "applied", 3)


def test_missing_follows_the_values() -> None:
    handler = FormFillHandler()
    session = new_session(handler, schema=SCHEMA)
    assert shown(handler, session, Role.AGENT) == {"schema": SCHEMA, "missing": ["name", "age"]}
    _, session = act(handler, session, put("age", 0))
    assert handler.missing(session) == ["name"]
    _, session = edit(handler, session, "name", "Ada")
    assert handler.missing(session) == []


def test_missing_are_the_required_fields_without_a_value_in_order() -> None:
    handler = FormFillHandler()
    schema = [{"key": key, "required": key != "free"} for key in ("z", "zero", "free", "no", "a", "b", "c", "d")]
    values: dict[str, Any] = {"zero": 0, "free": None, "no": False, "a": None, "b": "", "c": [], "d": {}, "other": None}
    assert handler.missing(new_session(handler, schema=schema, defaults=values)) == ["z", "a", "b", "c", "d"]


def test_what_is_sensitive_is_remembered_by_the_session() -> None:
    session = new_session(FormFillHandler(), schema=SCHEMA, context={"secret": "s3cret"})
    assert session.sensitive == ("secret",)
    assert session.field_record("secret", Role.AGENT)["value"] is None
    assert session.field_record("secret", Role.USER)["value"] == "s3cret"


@pytest.mark.parametrize(("answer", "status"), [(True, "applied"), (1, "error"), ("yes", "error"), (None, "error")])
def test_a_validator_accepts_with_exactly_true(answer: Any, status: str) -> None:
    asked: list[tuple[Any, str]] = []

    def validator(value: Any, name: str) -> Any:
        asked.append((value, name))
        return answer

    handler = FormFillHandler(validator=validator)
    session = new_session(handler, schema=SCHEMA)
    [outcome], _ = act(handler, session, put("name", 5))
    assert outcome.status == status
    assert asked == [(5, "string")]
    assert edit(handler, session, "name", 6)[0].status == "applied"
    assert asked == [(5, "string")]


def test_a_bound_handler_is_of_the_same_kind_and_keeps_a_validator_of_its_own() -> None:
    class Wizard(FormFillHandler):
        pass

    def anything(*_: object) -> bool:
        return True

    def nothing(*_: object) -> bool:
        return False

    original = Wizard(validator=nothing)
    for validator, status in ((None, "error"), (anything, "applied")):
        handler = original.bound_to(Limits(fields=4), validator)
        assert type(handler) is Wizard
        [outcome], _ = act(handler, new_session(handler, schema=SCHEMA), put("name", "Ada"))
        assert outcome.status == status
        with pytest.raises(InvalidSchemaError):
            new_session(handler, session_id="another", schema=form_of(5))


# What one batch may take

WIDE = "[ab]*a[ab]{900}"  # some 900 instructions, of which each byte of text can need every one
COSTLY: dict[str, tuple[dict[str, Any], list[Any]]] = {
    "a few long texts": ({"pattern": WIDE}, ["a" * 1_500] * 3),
    "many short texts": ({"pattern": WIDE}, ["a" * 100] * 200),
    "lists of short texts": ({"pattern": WIDE, "multiple": True}, [["a" * 10] * 100] * 10),
    "lists of very many texts": ({"pattern": "[ab]*", "multiple": True}, [[""] * 4_000] * 3),
    "a whole body of text": ({"pattern": "(?:[ab]?c?){5}"}, ["a" * 20_000] * 8),
}


@pytest.mark.parametrize(("members", "values"), COSTLY.values(), ids=COSTLY)
def test_a_batch_that_is_costly_to_match_is_refused_at_once_and_writes_nothing(
    members: dict[str, Any], values: list[Any]
) -> None:
    handler = FormFillHandler()
    session = new_session(handler, schema=[{"key": "free"}, *form_of(len(values), **members)])
    batch = [put("free", "x"), *(put(f"k{number}", value) for number, value in enumerate(values))]
    with counting_cost() as cost, pytest.raises(TooLargeError) as refusal:
        act(handler, session, *batch)
    assert cost.seconds < 0.1
    assert refusal.value.code == "patterns_too_costly"
    assert "smaller batches" in refusal.value.next_steps[0]
    assert session.values == {}


@pytest.mark.parametrize(("members", "values"), COSTLY.values(), ids=COSTLY)
def test_each_value_of_a_costly_batch_is_checked_in_a_batch_of_its_own(
    members: dict[str, Any], values: list[Any]
) -> None:
    handler = FormFillHandler()
    session = new_session(handler, schema=form_of(1, **members))
    with counting_cost() as cost:
        [outcome], _ = act(handler, session, put("k0", values[0]))
    assert cost.seconds < 0.05  # five times what it takes
    assert outcome.code in (None, "invalid_value")


def test_a_value_that_is_costly_by_itself_is_refused_alone() -> None:
    handler = FormFillHandler()
    session = new_session(handler, schema=form_of(3, pattern=WIDE))
    (first, *others), _ = act(
        handler, session, put("k0", "a" * 1000), *(put(key, "a" * 32_000) for key in ("k1", "k2", "k1"))
    )
    assert first.status == "applied"
    assert all(outcome.code == "invalid_value" and "too long" in str(outcome.msg) for outcome in others)


def test_an_ordinary_form_is_filled_in_one_batch() -> None:
    handler = FormFillHandler()
    kinds = [
        (r"\p{L}[\p{L} '-]*", "Zoë d'Amélie"),
        (r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", "XX00TEST0123456789012345"),
        (r"\+?[0-9 ()/-]{5,25}", "+00 (0)12 345 67-89"),
        (r"(?s).*\S.*", "A note of some length. " * 20),
    ]
    rows = [(f"k{number}", *kinds[number % len(kinds)]) for number in range(Limits().actions)]
    session = new_session(handler, schema=[{"key": key, "pattern": pattern} for key, pattern, _ in rows])
    outcomes, _ = act(handler, session, *(put(key, value) for key, _, value in rows))
    assert {outcome.status for outcome in outcomes} == {"applied"}


async def test_a_batch_too_costly_is_answered_413_with_what_to_do_and_the_page_is_told_nothing() -> None:
    peer = await open_in_process(HandshakeApp(), {"mode": "form-fill", "schema": form_of(4, pattern=WIDE)})
    actions = [{"type": "set", "key": f"k{number}", "value": "a" * 1_500} for number in range(4)]
    reply = await peer.agent("POST", "action", {"actions": actions})
    assert (reply.status_code, reply.json()["code"]) == (413, "patterns_too_costly")
    assert reply.json()["nextSteps"]
    after = await peer.context()
    assert (after["context"], after["cursor"]) == ({}, peer.created["cursor"])
    assert (await peer.act({"k0": "a" * 1_000}))["applied"] == ["k0"]


# What a flat form costs

FLAT: list[dict[str, Any]] = [
    {"key": "text"},
    {"key": "number", "type": "int", "min": 0},
    {"key": "choice", "type": "enum", "options": ["a", "b"]},
    {"key": "flag", "type": "bool"},
    {"key": "mail", "type": "email", "required": True},
]
CALLS: dict[tuple[str, Any], int] = {
    ("text", "x"): 7,
    ("number", 3): 16,
    ("choice", "a"): 15,
    ("flag", True): 7,
    ("mail", "a@b.c"): 13,
    ("number", -1): 21,
    ("nobody", "x"): 3,
}
"""Python calls for one action more in a batch, as they were before there were rows and conditions."""


@pytest.mark.parametrize(("write", "calls"), CALLS.items(), ids=str)
def test_an_action_on_a_flat_form_costs_no_more_than_without_rows_and_conditions(
    write: tuple[str, Any], calls: int
) -> None:
    handler = FormFillHandler()
    session = new_session(handler, schema=FLAT)
    cost = {}
    for actions in (1, 11, 21):
        draft = session.checkout(Turn(author=Role.AGENT, now=NOON))
        cost[actions] = python_calls(handler.process_actions, draft, [put(*write)] * actions)
    assert cost[21] - cost[11] <= 10 * calls
    assert python_calls(handler.context_response, session, Role.AGENT) <= 3


# What is shown, and whose it is

SHOWN: list[Any] = [
    {"key": "status", "type": "enum", "options": ["employed", "student"], "required": True},
    {"key": "employer", "required": True, "showIf": {"key": "status", "in": ["employed"]}},
    {"key": "since", "showIf": {"filled": "employer"}},
    {"key": "school", "requiredIf": {"key": "status", "in": ["student"]}},
]


def test_an_agents_write_to_a_field_that_is_not_shown_is_refused_and_its_value_is_kept() -> None:
    handler = FormFillHandler()
    session = new_session(handler, schema=SHOWN, context={"status": "student"}, defaults={"employer": "Acme"})
    [outcome], session = act(handler, session, put("employer", "Other"))
    assert (outcome.status, outcome.code) == ("error", "not_shown")
    assert shown(handler, session, Role.AGENT) == {
        "schema": SHOWN,
        "missing": ["school"],
        "hidden": ["employer", "since"],
    }
    _, session = edit(handler, session, "status", "employed")
    assert (session.value("employer"), shown(handler, session, Role.AGENT)) == (
        "Acme",
        {"schema": SHOWN, "missing": []},
    )


def test_the_person_writes_what_is_not_shown_and_it_counts_once_it_is() -> None:
    handler = FormFillHandler()
    outcome, session = edit(handler, new_session(handler, schema=SHOWN), "employer", "Acme")
    assert outcome.status == "applied"
    assert handler.missing(session) == ["status"]
    (hidden, _), session = act(handler, session, put("since", "2020"), put("status", "student"))
    assert hidden.code == "not_shown"
    (_, locked, since), session = act(
        handler, session, put("status", "employed"), put("employer", "Other"), put("since", "2020")
    )
    assert (locked.code, since.status, session.value("employer")) == ("user_locked", "applied", "Acme")


def test_a_batch_may_write_a_field_before_the_ones_that_show_it() -> None:
    handler = FormFillHandler()
    batch = [put("since", "2020"), put("employer", "Acme"), put("school", "MIT"), put("status", "employed")]
    outcomes, session = act(handler, new_session(handler, schema=SHOWN), *batch)
    assert [(outcome.key, outcome.status) for outcome in outcomes] == [(action.key, "applied") for action in batch]
    assert handler.missing(session) == []


def test_an_option_is_there_while_its_condition_holds() -> None:
    states = [{"value": f"{country}1", "when": {"key": "country", "in": [country]}} for country in ("A", "B")]
    schema = [
        {"key": "country", "type": "enum", "options": ["A", "B"]},
        {"key": "state", "type": "enum", "options": [*states, "other"]},
    ]
    handler = FormFillHandler()
    session = new_session(handler, schema=schema)
    (early, _), session = act(handler, session, put("state", "A1"), put("country", "A"))
    assert early.status == "applied"
    (wrong, other), session = act(handler, session, put("state", "B1"), put("state", "other"))
    assert (wrong.status, wrong.code, other.status) == ("error", "invalid_value", "applied")
    assert "B1" in str(wrong.msg)
    assert edit(handler, session, "state", "B1")[0].status == "applied"


PERSONS: list[dict[str, Any]] = [
    {"by": "person"},
    {"autocomplete": "section-a billing cc-number"},
    {"type": "password", "autocomplete": "new-password"},
    {"autocomplete": "one-time-code"},
    {"autocomplete": ["billing", "cc-number"]},
    {"type": "file"},
    {"type": ["file", "signature"]},
]


@pytest.mark.parametrize("members", PERSONS, ids=str)
def test_what_is_the_persons_alone_is_listed_apart_and_refused_to_the_agent(members: dict[str, Any]) -> None:
    handler = FormFillHandler()
    session = new_session(handler, schema=[{"key": "k", "required": True, **members}, {"key": "free"}])
    [outcome], session = act(handler, session, put("k", "x"))
    assert (outcome.status, outcome.code) == ("error", "person_only")
    context = shown(handler, session, Role.AGENT)
    assert (context["missing"], context["missingPerson"], context["schema"][0]["by"]) == ([], ["k"], "person")
    _, session = edit(handler, session, "k", "x")
    assert "missingPerson" not in shown(handler, session, Role.AGENT)


def test_a_field_says_itself_that_it_is_not_the_persons_alone() -> None:
    handler = FormFillHandler()
    session = new_session(handler, schema=[{"key": "k", "autocomplete": "cc-name", "by": "anybody"}])
    assert act(handler, session, put("k", "x"))[0][0].status == "applied"


def test_a_list_that_is_the_persons_is_so_in_its_cells() -> None:
    handler = FormFillHandler()
    rows = {"key": "cards", "type": "rows", "by": "person", "fields": [{"key": "number", "required": True}]}
    session = new_session(handler, schema=[rows], context={"cards": [{"number": ""}]})
    writes = [Action("add", "cards", {"number": "1"}), put("cards/r1/number", "1"), Action("remove", "cards/r1")]
    outcomes, session = act(handler, session, *writes)
    assert [outcome.code for outcome in outcomes] == ["person_only"] * 3
    assert shown(handler, session, Role.AGENT)["missingPerson"] == ["cards/r1/number"]


def test_rows_that_are_not_shown_take_no_rows_and_no_cells_of_an_agents() -> None:
    handler = FormFillHandler()
    rows = {"key": "lines", "type": "rows", "showIf": {"filled": "a"}, "fields": [{"key": "b", "required": True}]}
    session = new_session(handler, schema=[{"key": "a"}, rows], defaults={"lines": [{"b": ""}]})
    writes = [put("lines/r1/b", "x"), Action("add", "lines", {"b": "y"}), put("lines", [])]
    outcomes, session = act(handler, session, *writes)
    assert [outcome.code for outcome in outcomes] == ["not_shown"] * 3
    assert shown(handler, session, Role.AGENT)["hidden"] == ["lines", "lines/r1/b"]
    outcomes, session = act(handler, session, *writes[:2], put("a", "x"))
    assert [outcome.status for outcome in outcomes] == ["applied"] * 3
    assert session.rows["lines"] == ("r1", "r2")


def test_a_computed_field_is_the_pages_to_write() -> None:
    handler = FormFillHandler()
    session = new_session(handler, schema=[{"key": "sum", "readOnly": True, "computed": True, "required": True}])
    assert act(handler, session, put("sum", "1"))[0][0].code == "read_only"
    outcome, session = edit(handler, session, "sum", "2")
    assert (outcome.status, session.value("sum"), handler.missing(session)) == ("applied", "2", [])


NULL = {"key": "k", "type": "integer", "required": True, "nullable": True}


@pytest.mark.parametrize("more", [[], [{"key": "b", "showIf": {"filled": "k"}}]], ids=["static", "with a condition"])
def test_null_is_an_answer_where_it_is_a_value_but_not_the_pages_at_creation(more: list[Any]) -> None:
    handler = FormFillHandler()
    for given in ({}, {"k": None}):
        session = new_session(handler, schema=[NULL, *more], context=given)
        assert handler.missing(session) == ["k"]
    assert handler.missing(new_session(handler, schema=[NULL, *more], defaults={"k": None})) == []
    [outcome], session = act(handler, session, put("k", None))
    assert (outcome.status, handler.missing(session)) == ("applied", [])


COLOURS = [{"value": "r", "label": "Red"}, {"value": "g", "label": "Green"}, "blue"]


@pytest.mark.parametrize(("value", "written"), [("Red", "r"), ("GREEN", "g"), ("Blue", "blue"), ("r", "r"), ("", "")])
def test_an_option_named_by_its_label_or_in_another_case_is_written_as_its_value(value: str, written: str) -> None:
    handler = FormFillHandler()
    schema = [
        {"key": "k", "type": "enum", "options": COLOURS},
        {"key": "l", "type": "select-multiple", "options": COLOURS},
    ]
    session = new_session(handler, schema=schema)
    many = [value, "blue"] if written not in ("", "blue") else ["r"]
    outcomes, session = act(handler, session, put("k", value), put("l", many))
    assert [outcome.status for outcome in outcomes] == ["applied"] * 2
    assert session.value("k") == written
    assert edit(handler, session, "k", value)[1].value("k") == value


@pytest.mark.parametrize(
    ("value", "written"),
    [("Red", "r"), ("GREEN", "g"), ("Blue", "blue"), ("redd", "redd"), (["Red", "grey"], ["r", "grey"])],
)
def test_an_open_field_takes_other_text_as_it_is_and_what_means_an_option_as_its_value(
    value: Any, written: Any
) -> None:
    handler = FormFillHandler()
    entry = {"key": "k", "type": "enum", "options": COLOURS, "open": True, "multiple": isinstance(value, list)}
    session = new_session(handler, schema=[entry, {"key": "rows", "type": "rows", "fields": [entry]}])
    _, session = act(handler, session, put("k", value), Action("add", "rows", {"k": value}))
    assert [field.value for field in session.values.values()] == [written, written]
    session.form = "claim"
    assert act(handler, session, put("k", value))[1].value("k") == value


def test_another_text_than_an_options_is_refused_with_the_nearest() -> None:
    handler = FormFillHandler()
    session = new_session(handler, schema=[{"key": "k", "type": "enum", "options": COLOURS}])
    [outcome], _ = act(handler, session, put("k", "redd"))
    assert (outcome.code, str(outcome.msg).rpartition("; ")[2]) == ("invalid_value", 'the nearest is "r" ("Red")')


def test_a_form_of_the_hosts_takes_the_values_of_its_model_alone() -> None:
    handler = FormFillHandler()
    session = new_session(handler, schema=[{"key": "k", "type": "enum", "options": COLOURS}])
    session.form = "claim"
    [outcome], _ = act(handler, session, put("k", "Red"))
    assert (outcome.code, str(outcome.msg).rpartition("; ")[2]) == ("invalid_value", 'the nearest is "r" ("Red")')


def test_what_is_embedded_in_a_field_is_checked_within_a_batchs_budget() -> None:
    schema = {"type": "object", "additionalProperties": {"anyOf": [{"const": number} for number in range(100)]}}
    handler = FormFillHandler()
    session = new_session(handler, schema=form_of(100, type="json", schema=schema))
    [fits, fails], _ = act(handler, session, put("k0", {"a": 99}), put("k1", {"a": 100}))
    assert (fits.status, fails.code) == ("applied", "invalid_value")
    batch = [put(f"k{number}", {str(member): 99 for member in range(10)}) for number in range(100)]
    with counting_cost() as cost, pytest.raises(TooLargeError) as refusal:
        act(handler, session, *batch)
    assert refusal.value.code == "checks_too_costly"
    assert cost.seconds < 0.1
    assert act(handler, session, *batch[:1])[0][0].status == "applied"
