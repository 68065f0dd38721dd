"""Changes of a form's rows: who may make them, what comes of them, and how many there may be."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec
import pytest

from handshake_prompt.modes import DefaultHandler, FormFillHandler
from handshake_prompt.protocol.bodies import Action
from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.errors import TooLargeError
from handshake_prompt.protocol.events import Change
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.messages import Outcome
from handshake_prompt.session import Session
from tests.support.cost import counting_cost
from tests.support.forms import act, edit, new_session, put, shown
from tests.support.row_sessions import AGENT, HANDLER, SCHEMA, USER, held, session_with, turn_of


def add(session: Session, value: Any, *, author: Role = AGENT, key: str = "lines", **place: Any) -> Outcome:
    return HANDLER.add_row(turn_of(session, author), key, value, **place)


def test_an_added_row_has_its_cells_in_the_order_of_the_form_and_the_defaults_of_the_rest() -> None:
    draft = turn_of(session_with(), AGENT)
    outcome = HANDLER.add_row(draft, "lines", {"amount": 3, "text": "Taxi"})
    assert (outcome.key, outcome.status, outcome.row) == ("lines", "applied", "r1")
    assert [(event.type, event.key) for event in draft.commit()[1:] if isinstance(event, Change)] == [
        ("action", "lines/r1/text"),
        ("action", "lines/r1/amount"),
        ("action", "lines/r1/tax"),
    ]
    assert held(draft) == {
        "lines/r1/text": ("Taxi", "ai"),
        "lines/r1/amount": (3, "ai"),
        "lines/r1/tax": (19, "default"),
    }


def test_a_row_without_a_value_is_empty_but_for_defaults() -> None:
    draft = turn_of(session_with(), USER)
    assert HANDLER.add_row(draft, "lines", None).status == "applied"
    assert held(draft) == {"lines/r1/tax": (19, "default")}


def test_a_persons_row_is_taken_as_it_is_and_what_they_left_empty_is_nobodys() -> None:
    session = session_with({}, {}, {})
    draft = turn_of(session, USER)
    outcome = HANDLER.add_row(draft, "lines", {"amount": "much", "text": "", "tax": None, "bags": [{}, {}, {}]})
    assert (outcome.status, outcome.row) == ("applied", "r4")
    assert {key: cell for key, cell in held(draft).items() if key.startswith("lines/r4")} == {
        "lines/r4/amount": ("much", "user"),
        "lines/r4/tax": (19, "default"),
    }
    _, after = act(HANDLER, draft, put("lines/r4/text", "Taxi"))
    assert held(after)["lines/r4/text"] == ("Taxi", "ai")


def test_an_agent_adds_no_row_beyond_the_most() -> None:
    outcome = add(session_with({}, {}, {}), {})
    assert (outcome.code, outcome.msg) == ("invalid_value", "expected at most 3 rows")


@pytest.mark.parametrize("after", ["r1", "lines/r1"])
def test_a_place_is_named_by_a_rows_id_or_its_key(after: str) -> None:
    draft = turn_of(session_with({}, {}), AGENT)
    HANDLER.add_row(draft, "lines", {}, after=after)
    assert draft.rows["lines"] == ("r1", "r3", "r2")
    HANDLER.move_row(draft, "lines/r1", after.replace("r1", "r2"))
    assert draft.rows["lines"] == ("r3", "r2", "r1")


NO_LISTS: dict[str, tuple[Action, str]] = {
    "a list that the form does not have": (Action("add", "guests", {}), "unknown_field"),
    "a field that is no list": (Action("add", "title", {}), "unknown_field"),
    "a row in place of a list": (Action("add", "lines/r1", {}), "unknown_field"),
    "a list of a row that is gone": (Action("add", "lines/r9/bags", {}), "unknown_row"),
    "a removal of a field": (Action("remove", "title"), "unknown_field"),
    "a removal of a list": (Action("remove", "lines"), "unknown_field"),
    "a removal of a row that is gone": (Action("remove", "lines/r9"), "unknown_row"),
    "a move of a row that is gone": (Action("move", "lines/r9"), "unknown_row"),
    "a place behind a row that is gone": (Action("move", "lines/r1", after="r9"), "unknown_row"),
    "a cell of a row that is gone": (put("lines/r9/text", "x"), "unknown_row"),
    "a cell of a row within that is gone": (put("lines/r1/bags/r9/kg", 1), "unknown_row"),
    "a row as a cell": (put("lines/r1", {}), "unknown_field"),
    "a cell that the row does not have": (put("lines/r1/colour", 1), "unknown_field"),
    "a cell without a row": (put("lines/text", "x"), "unknown_field"),
    "no key": (Action("add", value={}), "missing_key"),
    "a type there is not": (Action("sort", "lines"), "unsupported_action"),
}


@pytest.mark.parametrize(("action", "code"), NO_LISTS.values(), ids=NO_LISTS)
def test_what_is_no_row_is_refused_by_name(action: Action, code: str) -> None:
    session = session_with({"text": "Taxi", "bags": [{"kg": 1}]})
    ([outcome], after) = act(HANDLER, session, action)
    assert (outcome.status, outcome.code) == ("error", code)
    assert (held(after), after.rows) == (held(session), session.rows)


@pytest.mark.parametrize(
    ("key", "code", "told"),
    [
        ("lines/r1", "unknown_field", "cell by cell"),
        ("lines/0/text", "unknown_row", "the ids of the others are in rows"),
        ("nowhere", "unknown_field", "no such field"),
    ],
)
def test_an_agent_that_writes_to_no_cell_is_told_where_rows_are_written(key: str, code: str, told: str) -> None:
    outcome = HANDLER.set_value(turn_of(session_with({"text": "Taxi"}), AGENT), key, {"text": "Bus"})
    assert (outcome.code, told in str(outcome.msg)) == (code, True)


def test_a_persons_write_to_a_row_that_is_gone_lands_nowhere() -> None:
    outcome, after = edit(HANDLER, session_with({"text": "Taxi"}), "lines/r2/text", "x")
    assert (outcome.status, outcome.code) == ("error", "unknown_row")
    assert "lines/r2/text" not in after.values


def test_a_list_that_is_read_only_is_nobodys_to_change() -> None:
    schema = [{"key": "lines", "type": "rows", "readOnly": True, "fields": [{"key": "text"}]}]
    session = new_session(HANDLER, schema=schema, context={"lines": [{"text": "Taxi"}]})
    for author in Role:
        draft = turn_of(session, author)
        refused = [HANDLER.add_row(draft, "lines", {}), HANDLER.remove_row(draft, "lines/r1")]
        refused += [HANDLER.move_row(draft, "lines/r1"), HANDLER.set_value(draft, "lines", [])]
        assert {outcome.code for outcome in refused} == {"read_only"}


# A whole list


def test_a_list_is_set_whole_with_new_rows() -> None:
    session = session_with({"text": "Taxi"}, {"text": "Hotel"})
    ([outcome], after) = act(HANDLER, session, put("lines", [{"text": "Train", "bags": [{"kg": 3}]}]))
    assert (outcome.key, outcome.status, outcome.seq) == ("lines", "applied", after.seq)
    assert after.rows == {"lines": ("r3",), "lines/r3/bags": ("r4",)}
    assert held(after) == {
        "lines/r3/text": ("Train", "ai"),
        "lines/r3/tax": (19, "default"),
        "lines/r3/bags/r4/kg": (3, "ai"),
    }


SAME: dict[str, list[Any]] = {
    "as it was given": [{"text": "Taxi", "bags": [{"kg": 1}]}, {"amount": 1}],
    "with its defaults": [{"text": "Taxi", "tax": 19, "bags": [{"kg": 1}]}, {"amount": 1, "tax": 19, "bags": []}],
    "with empty cells": [{"text": "Taxi", "home": {"street": ""}, "bags": [{"kg": 1}]}, {"amount": 1, "text": None}],
}


@pytest.mark.parametrize("value", SAME.values(), ids=SAME)
def test_a_list_set_to_the_rows_it_has_stays_as_it_is(value: list[Any]) -> None:
    session = session_with({"text": "Taxi", "bags": [{"kg": 1}]}, {"amount": 1})
    ([outcome], after) = act(HANDLER, session, put("lines", value))
    assert (outcome.status, outcome.seq) == ("applied", 0)
    assert (after.seq, after.rows, held(after)) == (session.seq, session.rows, held(session))


def test_a_list_with_a_cell_that_the_agent_may_not_see_tells_it_nothing_by_being_the_same() -> None:
    bags = {"key": "bags", "type": "rows", "fields": [{"key": "code", "sensitive": True}]}
    schema = [{"key": "lines", "type": "rows", "fields": [{"key": "text"}, bags]}]
    given: list[Any] = [{"text": "x", "bags": [{"code": "1234"}]}]
    for member, code in (("context", "user_locked"), ("defaults", None)):
        body: dict[str, Any] = {"schema": schema, member: {"lines": given}}
        session = new_session(HANDLER, **body)
        told = [act(HANDLER, session, put("lines", guess))[0][0] for guess in (given, [{"bags": [{"code": "1235"}]}])]
        assert [outcome.code for outcome in told] == [code, code]
        assert 0 not in [outcome.seq for outcome in told]


def test_a_persons_list_is_answered_with_the_person_as_its_author() -> None:
    session = new_session(HANDLER, schema=SCHEMA)
    _, after = edit(HANDLER, session, "lines", [{"text": "Taxi"}])
    assert (after.whose("lines"), after.whose("lines/r1"), session.whose("lines")) == ("user", "user", "empty")


@pytest.mark.parametrize("value", [[{"amount": True}, {}], [{}, {"amount": 1}], [{"amount": 1}]])
def test_a_list_set_to_other_rows_is_not_the_same(value: list[Any]) -> None:
    session = session_with({"amount": 1}, {})
    draft = turn_of(session, USER)
    HANDLER.set_value(draft, "lines", value)
    assert draft.seq > session.seq


@pytest.mark.parametrize("value", [[], None])
def test_a_list_set_to_nothing_has_no_rows(value: Any) -> None:
    _, after = act(HANDLER, session_with({"text": "Taxi"}), put("lines", value))
    assert (after.rows, after.values) == ({}, {})


REFUSED_LISTS: dict[str, tuple[Any, str]] = {
    "a wrong cell": ([{"text": "x"}, {"amount": "much"}], "invalid_value"),
    "too many rows": ([{}, {}, {}, {}], "invalid_value"),
    "no list": ({"text": "x"}, "invalid_value"),
    "a list of texts": (["x"], "invalid_value"),
}


@pytest.mark.parametrize(("value", "code"), REFUSED_LISTS.values(), ids=REFUSED_LISTS)
def test_a_list_that_is_refused_keeps_its_rows(value: Any, code: str) -> None:
    session = session_with({"text": "Taxi"})
    ([outcome], after) = act(HANDLER, session, put("lines", value))
    assert (outcome.code, after.rows, held(after)) == (code, session.rows, held(session))


def test_i1_an_agent_sets_no_list_of_which_a_part_is_the_persons_and_the_person_sets_any() -> None:
    _, session = edit(HANDLER, session_with({"text": "Taxi"}, {"text": "Hotel"}), "lines/r2/amount", 7)
    ([outcome], after) = act(HANDLER, session, put("lines", [{"text": "Train"}]))
    assert (outcome.status, outcome.code, after.rows) == ("rejected", "user_locked", session.rows)
    outcome, after = edit(HANDLER, session, "lines", [{"text": "Train"}])
    assert (outcome.status, held(after)["lines/r3/text"]) == ("applied", ("Train", "user"))


@pytest.mark.parametrize(("rev", "code"), [(99, None), (0, "stale")])
def test_a_conditional_list_needs_that_no_cell_was_written_since(rev: int, code: str | None) -> None:
    ([outcome], _) = act(HANDLER, session_with({"text": "Taxi"}), put("lines", [], if_rev=rev))
    assert outcome.code == code


# Views and bounds


def test_the_context_has_the_rows_of_a_form_with_lists_and_of_no_other() -> None:
    assert shown(HANDLER, session_with({"bags": [{}]}), AGENT)["rows"] == {"lines": ["r1"], "lines/r1/bags": ["r2"]}
    assert shown(HANDLER, session_with(), AGENT)["rows"] == {}
    assert "rows" not in shown(HANDLER, new_session(HANDLER, schema=[{"key": "title"}]), AGENT)


def test_the_cells_of_a_sensitive_field_are_hidden_however_they_came() -> None:
    bags = {"key": "bags", "type": "rows", "fields": [{"key": "code", "sensitive": True}]}
    schema = [{"key": "lines", "type": "rows", "fields": [{"key": "iban", "sensitive": True}, bags]}]
    lines = [{"iban": "DE89 3704", "bags": [{"code": "DE89 3705"}]}]
    given = new_session(HANDLER, schema=schema, context={"lines": lines})
    draft = turn_of(new_session(HANDLER, schema=schema), USER)
    HANDLER.add_row(draft, "lines", lines[0])
    events = draft.commit()
    for session in (given, draft):
        assert b"DE89" not in msgspec.json.encode(session.context(AGENT))
        assert msgspec.json.encode(session.context(USER)).count(b"DE89") == 2
    assert b"DE89" not in msgspec.json.encode(events)


@pytest.mark.parametrize(
    "bring",
    [
        lambda text: [Action("add", "lines", {"code": text})] * 100,
        lambda text: [put("lines", [{"code": text}] * 100)],
        lambda text: [Action("add", "lines", {"bags": [{"code": text}] * 100})],
    ],
)
def test_the_patterns_of_cells_count_into_the_cost_of_a_batch(bring: Callable[[str], list[Action]]) -> None:
    costly = {"key": "code", "pattern": "[ab]*a[ab]{900}"}
    bags = {"key": "bags", "type": "rows", "fields": [costly]}
    session = new_session(HANDLER, schema=[{"key": "lines", "type": "rows", "fields": [costly, bags]}])
    with pytest.raises(TooLargeError) as raised:
        act(HANDLER, session, *bring("a" * 300))
    assert raised.value.code == "patterns_too_costly"


@pytest.mark.parametrize("kind", ["add", "remove", "move"])
def test_a_mode_without_rows_refuses_what_is_about_them(kind: str) -> None:
    mode = DefaultHandler()
    session = new_session(mode)
    ([outcome], _) = act(mode, session, Action(kind, "lines"))
    assert (outcome.status, outcome.code) == ("error", "unsupported_action")
    draft = turn_of(session, USER)
    for refused in (mode.add_row(draft, "lines", {}), mode.remove_row(draft, "x"), mode.move_row(draft, "x")):
        assert (refused.status, refused.code) == ("error", "unsupported_action")


# The room of either side, and the time that a batch takes


def test_i11_the_defaults_of_an_agents_row_take_of_its_room_until_somebody_writes_them() -> None:
    before = session_with()
    session = session_with({"text": "Taxi"})
    assert (session.held_by(AGENT)[2], session.held_by(USER)) == (3, before.held_by(USER))
    _, written = act(HANDLER, session, put("lines/r1/tax", 7))
    assert (written.held_by(AGENT)[2], written.held_by(USER)) == (3, before.held_by(USER))
    _, theirs = edit(HANDLER, session, "lines/r1/tax", 7)
    assert (theirs.held_by(AGENT)[2], theirs.held_by(USER)[2]) == (2, 1)
    released = turn_of(theirs, USER)
    released.release("lines/r1/tax")
    assert (released.held_by(AGENT), released.held_by(USER)) == (theirs.held_by(AGENT), theirs.held_by(USER))
    for draft in (session, written, theirs, released):
        gone = turn_of(draft, USER)
        HANDLER.remove_row(gone, "lines/r1")
        assert (gone.held_by(AGENT), gone.held_by(USER)) == ((0, 0, 0), before.held_by(USER))


def test_the_defaults_of_a_persons_row_take_of_the_persons_room() -> None:
    draft = turn_of(session_with(), USER)
    HANDLER.add_row(draft, "lines", {})
    assert (draft.held_by(AGENT)[2], draft.held_by(USER)[2]) == (0, 2)


WIDE: list[dict[str, Any]] = [{"key": f"c{number}"} for number in range(400)]
HUNGRY: dict[str, tuple[dict[str, Any], list[Action]]] = {
    "rows of many empty cells": ({}, [put("lines", [{}] * 5_000)]),
    "rows of many defaults": ({"default": 1}, [put("lines", [{}] * 5_000)]),
    "additions of many rows": ({}, [Action("add", "lines", {"inner": [{}] * 45})] * 200),
    "additions and removals": (
        {"default": 1},
        [
            action
            for number in range(1, 101)
            for action in (Action("add", "lines", {}), Action("remove", f"lines/r{number}"))
        ],
    ),
    "a list after the other": ({}, [put("lines", [{}] * number) for number in range(24)] * 8),
}


@pytest.mark.parametrize(("members", "actions"), HUNGRY.values(), ids=HUNGRY)
def test_i11_an_agent_cannot_have_more_rows_than_its_room_nor_make_more_for_a_moment(
    members: dict[str, Any], actions: list[Action]
) -> None:
    inner = {"key": "inner", "type": "rows", "fields": [{"key": "n"}]}
    fields = [*(entry | members for entry in WIDE), inner]
    session = new_session(HANDLER, schema=[{"key": "lines", "type": "rows", "fields": fields}])
    with counting_cost() as cost, pytest.raises(TooLargeError) as raised:
        act(HANDLER, session, *actions)
    assert (raised.value.code in ("session_full", "too_many_changes"), cost.seconds < 0.3) == (True, True)


def test_i11_a_page_opens_no_session_with_more_rows_than_its_room() -> None:
    with pytest.raises(TooLargeError) as raised:
        new_session(HANDLER, schema=[{"key": "lines", "type": "rows", "fields": WIDE}], context={"lines": [{}] * 30})
    assert raised.value.code == "session_full"


@pytest.mark.parametrize("author", list(Role))
def test_the_rows_of_one_side_take_no_room_of_the_others(author: Role) -> None:
    handler = FormFillHandler(Limits(row_cells=600))
    schema = [{"key": "lines", "type": "rows", "fields": WIDE[:200]}]
    draft = turn_of(new_session(handler, schema=schema), author)
    for _ in range(4):
        handler.add_row(draft, "lines", {})
    with pytest.raises(TooLargeError):
        handler.add_row(draft, "lines", {})
    other = turn_of(draft, USER if author is AGENT else AGENT)
    assert handler.add_row(other, "lines", {}).status == "applied"


LINES = [{f"c{column}": f"text {column}" for column in range(6)} for _ in range(280)]
BUSY: dict[str, list[Action]] = {
    "removals": [Action("remove", f"lines/r{number}") for number in range(1, 201)],
    "moves": [Action("move", f"lines/r{number}", after=None) for number in range(1, 201)],
    "conditional moves": [Action("move", f"lines/r{number}", if_rev=0) for number in range(1, 201)],
    "lists as they are": [put("lines", LINES)] * 5,
    "lists that differ at the end": [put("lines", [*LINES[:-1], {}])] * 2,
    "short lists": [put("lines", [{}] * number) for number in range(200)],
    "additions": [Action("add", "lines", LINES[0])] * 200,
}


@pytest.mark.parametrize("actions", BUSY.values(), ids=BUSY)
def test_no_batch_of_changes_of_rows_takes_long(actions: list[Action]) -> None:
    schema = [{"key": "lines", "type": "rows", "fields": [{"key": f"c{column}"} for column in range(6)]}]
    session = new_session(HANDLER, schema=schema, defaults={"lines": LINES})
    with counting_cost() as cost, suppress(TooLargeError):
        act(HANDLER, session, *actions)
    assert cost.seconds < 0.1


def test_84_rows_of_six_columns_fit_in_one_batch_and_in_one_value() -> None:
    lines = LINES[:84]
    schema = [{"key": "lines", "type": "rows", "fields": [{"key": f"c{column}"} for column in range(6)]}]
    session = new_session(HANDLER, schema=schema)
    for actions in ([Action("add", "lines", line) for line in lines], [put("lines", lines)]):
        outcomes, after = act(HANDLER, session, *actions)
        assert {outcome.status for outcome in outcomes} == {"applied"}
        assert (len(after.rows["lines"]), len(after.values)) == (84, 504)
