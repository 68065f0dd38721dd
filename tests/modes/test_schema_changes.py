"""Changes of a form's schema by its page: what goes is out of sight, and comes back as it was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given, strategies as st

from handshake_prompt.modes import DefaultHandler, FormFillHandler
from handshake_prompt.protocol.bodies import Action
from handshake_prompt.protocol.credentials import Role
from handshake_prompt.protocol.errors import InvalidSchemaError
from handshake_prompt.protocol.events import Change, Event, Notice
from handshake_prompt.protocol.limits import Limits
from handshake_prompt.protocol.messages import Outcome
from handshake_prompt.protocol.packing import to_json
from handshake_prompt.session import Session, Turn
from handshake_prompt.session.aftermath import conclude_turn
from handshake_prompt.session.annotation import annotate_write
from handshake_prompt.session.notes import Note
from handshake_prompt.session.page_problems import report_problem
from handshake_prompt.session.rows import remove
from tests.support.forms import NOON, act, edit, new_session, put

NAME, CITY = {"key": "name"}, {"key": "city", "type": "enum", "options": ["Bern", "Basel"]}
AGE = {"key": "age", "type": "int"}
LINES = {
    "key": "lines",
    "type": "rows",
    "fields": [{"key": "text"}, {"key": "bags", "type": "rows", "fields": [{"key": "kg", "type": "int"}]}],
}
HANDLER = FormFillHandler()


def turn(session: Session, role: Role = Role.USER) -> Session:
    return session.checkout(Turn(author=role, now=NOON, source="page"))


def change(session: Session, *entries: Any, removed: Sequence[str] = ()) -> tuple[Outcome, Session, list[Event]]:
    """Change a session's schema; return the outcome, the session after it, and the events."""
    draft = turn(session)
    outcome = HANDLER.change_schema(draft, entries, removed)
    return outcome, draft, draft.commit()


def held(session: Session) -> dict[str, tuple[Any, str]]:
    return {key: (field.value, field.by) for key, field in session.values.items()}


def folded(
    values: dict[str, Any], rows: dict[str, tuple[str, ...]], events: Sequence[Event]
) -> tuple[dict[str, Any], dict[str, tuple[str, ...]]]:
    """Return the values and rows that a watcher ends with after these events."""
    values, rows = dict(values), dict(rows)
    for event in events:
        if isinstance(event, Change):
            values[event.key] = (event.value, event.by)
        elif event.type == "rowAdded":
            listed, row, after = (event.members[name] for name in ("list", "row", "after"))
            ids = [*rows.get(listed, ())]
            ids.insert(ids.index(after) + 1 if after else 0, row)
            rows[listed] = tuple(ids)
        elif event.type == "rowRemoved":
            listed, row, key = (event.members[name] for name in ("list", "row", "key"))
            rows = {each: ids for each, ids in rows.items() if not each.startswith(f"{key}/")}
            rows[listed] = tuple(other for other in rows[listed] if other != row)
            rows = {each: ids for each, ids in rows.items() if ids}
            values = {each: value for each, value in values.items() if not each.startswith(f"{key}/")}
        elif event.type == "schema":
            for key in event.members["gone"]:
                values.pop(key, None)
                rows.pop(key, None)
    return values, rows


def with_lines() -> Session:
    """Return a session with two rows, the second the person's, and a row within the first."""
    session = new_session(HANDLER, schema=[NAME, LINES], context={"name": "Ada"})
    actions = [Action("add", "lines", {"text": "a", "bags": [{"kg": 3}]})]
    session = act(HANDLER, session, *actions)[1]
    draft = turn(session)
    HANDLER.add_row(draft, "lines", {"text": "b"})
    draft.commit()
    return draft


def test_an_entry_takes_the_place_of_its_key_or_comes_last() -> None:
    session = new_session(HANDLER, schema=[NAME, CITY])
    _, after, events = change(session, {"key": "name", "required": True}, {"key": "age", "type": "int"})
    assert [entry["key"] for entry in after.schema] == ["name", "city", "age"]
    assert HANDLER.missing(after) == ["name"]
    assert [event.type for event in events] == ["schema"]
    assert act(HANDLER, after, put("age", "x"))[0][0].code == "invalid_value"


def test_a_value_without_a_field_is_out_of_sight_and_comes_back_as_it_was() -> None:
    session = new_session(HANDLER, schema=[NAME, CITY, AGE], context={"name": "Ada"}, defaults={"city": "Bern"})
    session = act(HANDLER, session, put("city", "Basel"))[1]
    counted = session.held_by(Role.USER), session.held_by(Role.AGENT)
    _, without, events = change(session, removed=["name", "city"])
    assert held(without) == {}
    (gone,) = events
    assert isinstance(gone, Notice)
    assert {*gone.members["gone"]} == {"name", "city"}
    assert HANDLER.set_value(turn(without), "name", "Bob").code == "unknown_field"
    _, back, events = change(without, NAME, CITY)
    assert held(back) == {"name": ("Ada", "user"), "city": ("Basel", "ai")}
    assert act(HANDLER, back, put("name", "Bob"))[0][0].code == "user_locked"
    assert [(event.type, getattr(event, "source", None)) for event in events] == [
        ("schema", None),
        ("edit", None),
        ("edit", None),
    ]
    assert (back.held_by(Role.USER)[1:], back.held_by(Role.AGENT)) == (counted[0][1:], counted[1])


def test_rows_go_and_come_back_with_their_order_their_authors_and_the_rows_within() -> None:
    session = with_lines()
    _, without, gone = change(session, removed=["lines"])
    assert (without.rows, without.row_authors, held(without)) == ({}, {}, {"name": ("Ada", "user")})
    _, back, events = change(without, LINES)
    assert (back.rows, back.row_authors, held(back)) == (session.rows, session.row_authors, held(session))
    assert back.held_by(Role.AGENT) == session.held_by(Role.AGENT)
    assert folded(held(session), session.rows, [*gone, *events]) == (held(back), back.rows)
    assert back.aside is None


def test_a_column_that_comes_back_knows_the_rows_that_went_meanwhile() -> None:
    session = with_lines()
    narrow = {**LINES, "fields": [{"key": "text"}]}
    _, without, _ = change(session, narrow)
    assert ([*without.rows], "lines/r1/bags/r2/kg" in without.values) == (["lines"], False)
    draft = turn(without)
    remove(draft, "lines/r1")
    draft.commit()
    _, back, _ = change(draft, LINES)
    assert back.rows == {"lines": ("r3",)}
    assert held(back) == {"name": ("Ada", "user"), "lines/r3/text": ("b", "user")}
    assert back.aside is None


def test_the_notes_on_a_value_go_and_come_back_with_it() -> None:
    said = Note(source="passport", confidence=0.5, reason="In full")
    draft = new_session(HANDLER, schema=[NAME, CITY, AGE, LINES]).checkout(Turn(Role.AGENT, NOON))
    row = HANDLER.add_row(draft, "lines", {"text": "a"}).row
    for key in ("city", "name", f"lines/{row}"):
        annotate_write(draft, key, draft.write(key, "Bern").seq if "/" not in key else 0, said)
    draft.commit()
    draft.pasted = {"name": draft.values["name"].rev, "city": 0}
    without = turn(draft)
    HANDLER.change_schema(without, [], ["name", "city", "lines"])
    conclude_turn(without, draft, NOON, Limits())
    without.commit()
    assert (without.notes, without.held_by(Role.AGENT)) == ({}, (0, 0, 0))
    assert without.held_by(Role.USER)[0] > draft.held_by(Role.USER)[0] + 3 * said.size - len(
        to_json([NAME, CITY, LINES])
    )
    _, back, events = change(without, NAME, CITY, LINES)
    assert {key: {**note.wire_members(), "rev": note.rev} for key, note in back.notes.items()} == {
        key: {**said.wire_members(), "rev": back.values[key].rev} for key in ("name", "city", f"lines/{row}/text")
    }
    assert all(event.note == said.wire_members() for event in events if isinstance(event, Change))
    assert back.pasted["name"] == back.values["name"].rev
    assert back.pasted["city"] != back.values["city"].rev
    assert back.held_by(Role.AGENT) == draft.held_by(Role.AGENT)
    assert back.aside is None


def test_what_is_set_aside_still_counts() -> None:
    session = new_session(HANDLER, schema=[NAME, CITY], context={"name": "x" * 1000})
    size, _, fields = session.held_by(Role.USER)
    _, without, _ = change(session, removed=["name"])
    assert without.held_by(Role.USER)[2] == fields
    assert without.held_by(Role.USER)[0] > size - 50  # less the entry of the schema
    assert msgspec.json.decode(msgspec.json.encode(without), type=Session).held_by(Role.USER) == without.held_by(
        Role.USER
    )


def test_a_field_that_becomes_sensitive_is_hidden_from_then_on() -> None:
    session = new_session(HANDLER, schema=[NAME, AGE], context={"name": "Ada"})
    _, without, _ = change(session, removed=["name"])
    _, after, events = change(without, {"key": "name", "sensitive": True})
    assert after.context(Role.AGENT)["name"]["value"] is None
    assert [event.value for event in events if isinstance(event, Change)] == [None]


def test_the_ends_of_a_session_forgets_what_was_set_aside() -> None:
    session = new_session(HANDLER, schema=[NAME, AGE], context={"name": "Ada"})
    _, without, _ = change(session, removed=["name"])
    draft = turn(without)
    draft.end("revoked")
    assert draft.aside is None


def test_a_form_without_a_schema_becomes_one_and_takes_no_other_key() -> None:
    session = new_session(HANDLER, context={"name": "Ada", "other": 1})
    _, after, _ = change(session, NAME)
    assert held(after) == {"name": ("Ada", "user")}
    assert HANDLER.set_value(turn(after), "other", 2).code == "unknown_field"


REFUSED: dict[str, tuple[list[Any], list[str], str]] = {
    "no object": ([3], [], r"^set\[0\]: an entry must be an object with a key$"),
    "no key": ([NAME, {"type": "int"}], [], r"^set\[1\]: an entry must be an object with a key$"),
    "twice": ([NAME, NAME], [], r"^set\[1\]: each key may be set or removed once$"),
    "set and removed": ([NAME], ["name"], r"^set\[0\]: each key may be set or removed once$"),
    "a new entry": ([NAME, {"key": "age", "min": "low", "type": "int"}], [], r"^set\[1\]: min must be"),
    "one in the place of another": ([{"key": "city", "type": "enum", "options": 3}], [], r"^set\[0\]: options must be"),
    "all of them removed": ([], ["name", "city"], "leaves no field: set the new ones in the same change"),
    "too many": ([{"key": f"f{number}"} for number in range(499)], [], "at most 500"),
}


@pytest.mark.parametrize(("entries", "removed", "told"), REFUSED.values(), ids=REFUSED)
def test_a_change_is_refused_whole_and_names_the_entry(entries: list[Any], removed: list[str], told: str) -> None:
    session = new_session(HANDLER, schema=[NAME, CITY], context={"name": "Ada"})
    draft = turn(session)
    with pytest.raises(InvalidSchemaError, match=told):
        HANDLER.change_schema(draft, entries, removed)
    assert (draft.schema_json, draft.values, draft.commit()) == (session.schema_json, session.values, [])


def test_problems_of_what_is_gone_are_taken_back() -> None:
    session = turn(with_lines())
    for key in ("name", "lines/r1/text", "lines/r3", ""):
        report_problem(session, key, "no")
    session.commit()
    _, after, events = change(session, removed=["lines"])
    assert after.page_problems == {"name": "no", "": "no"}
    taken = [event.members for event in events if isinstance(event, Notice) and event.type == "problem"]
    assert taken == [{"key": key, "msg": None, "previous": "no"} for key in ("lines/r1/text", "lines/r3")]


def test_problems_of_a_row_go_with_it() -> None:
    session = turn(with_lines())
    for key in ("name", "lines/r1/text", "lines/r1", "lines/r3/text"):
        report_problem(session, key, "no")
    HANDLER.remove_row(session, "lines/r1")
    assert [*session.page_problems] == ["name", "lines/r3/text"]


PLACES = {
    "name": True,
    "lines": True,
    "lines/r1": True,
    "lines/r1/text": True,
    "lines/r1/bags": True,
    "home": True,
    "home/street": True,
    "hom": False,
    "age": False,
    "lines/r9": False,
    "lines/r9/text": False,
    "lines/r1/age": False,
}


def test_a_form_knows_its_fields_rows_lists_and_groups() -> None:
    _, session, _ = change(with_lines(), {"key": "home/street", "group": "Home"})
    assert {key: HANDLER.has_place(session, key) for key in PLACES} == PLACES


def test_a_mode_without_a_schema_has_none_to_change_and_takes_any_key() -> None:
    handler = DefaultHandler()
    session = turn(new_session(handler, data={"a": 1}))
    assert handler.change_schema(session, [NAME], []).code == "unsupported_action"
    assert handler.has_place(session, "anything")


def test_edits_go_on_as_before() -> None:
    session = new_session(FormFillHandler(Limits(fields=3)), schema=[NAME])
    assert edit(HANDLER, session, "name", "Ada")[0].status == "applied"


# Any changes, in any order

ENTRIES: list[dict[str, Any]] = [
    NAME,
    CITY,
    AGE,
    {"key": "name", "sensitive": True},
    {"key": "lines", "type": "string"},
    LINES,
    {**LINES, "fields": [{"key": "text"}]},
    {"key": "lines", "type": "rows", "fields": [LINES["fields"][1]]},
]
KEYS = ["name", "city", "age", "lines"]
CHANGES = st.tuples(st.just("schema"), st.lists(st.sampled_from(ENTRIES), max_size=2), st.lists(st.sampled_from(KEYS)))
VALUES = st.sampled_from(["Bern", 3, None])
WRITES = st.tuples(st.just("write"), st.sampled_from(Role), st.sampled_from(KEYS[:3]), VALUES)
ADDS = st.tuples(st.just("add"), st.sampled_from(Role), st.sampled_from([{}, {"text": "a"}, {"bags": [{"kg": 1}]}]))
REMOVES = st.tuples(st.just("remove"), st.sampled_from(Role), st.integers(1, 6))
REPORTS = st.tuples(st.just("report"), st.sampled_from([*KEYS, "lines/r1", "lines/r1/text"]))


@given(st.lists(st.one_of(CHANGES, WRITES, ADDS, REMOVES, REPORTS), max_size=14))
def test_i4_i11_whatever_changes_the_log_adds_up_and_everything_is_counted(steps: list[Any]) -> None:
    session = new_session(HANDLER, schema=[NAME, LINES, AGE], context={"name": "Ada"})
    schema_bytes, values, rows = len(session.schema_json), held(session), dict(session.rows)
    problems: dict[str, str | None] = {}
    for kind, *rest in steps:
        draft = turn(session, rest[0] if isinstance(rest[0], Role) else Role.USER)
        try:
            play(draft, kind, rest)
        except InvalidSchemaError:
            continue
        events, session = draft.commit(), draft
        values, rows = folded(values, rows, events)
        told = [event.members for event in events if isinstance(event, Notice) and event.type == "problem"]
        problems |= {members["key"]: members["msg"] for members in told}
    assert {key: by for key, (_, by) in values.items()} == {key: by for key, (_, by) in held(session).items()}
    assert [key for key, value in held(session).items() if values[key] != value and not session.is_sensitive(key)] == []
    assert (rows, {*session.row_authors}) == (session.rows, {f"{key}/{row}" for key in rows for row in rows[key]})
    assert {key: msg for key, msg in problems.items() if msg} == session.page_problems
    assert all(HANDLER.has_place(session, key) for key in session.page_problems)
    session.aside = None
    session.size -= len(session.schema_json) - schema_bytes
    assert counted(session) == {role: session.held_by(role) for role in Role}


def play(draft: Session, kind: str, rest: list[Any]) -> None:
    if kind == "schema":
        HANDLER.change_schema(draft, *rest)
    elif kind == "write":
        HANDLER.set_value(draft, rest[1], rest[2])
    elif kind == "add":
        HANDLER.add_row(draft, "lines", rest[1])
    elif kind == "remove":
        HANDLER.remove_row(draft, f"lines/r{rest[1]}")
    elif HANDLER.has_place(draft, rest[0]):
        report_problem(draft, rest[0], "no")


def counted(session: Session) -> dict[Role, tuple[int, ...]]:
    """Return what each side holds, counted anew: bytes, JSON values, fields and rows."""
    held: dict[Role, tuple[int, ...]] = dict.fromkeys(Role, (0, 0, 0))
    parts = [(field.payer, len(key + str(to_json(field.kept), "utf-8")), 1) for key, field in session.values.items()]
    for by, *counts in [*parts, *((by, 2 * len(key), 1) for key, by in session.row_authors.items())]:
        side = Role.AGENT if by == "ai" else Role.USER
        held[side] = tuple(map(sum, zip(held[side], (*counts, 1), strict=True)))
    return held
