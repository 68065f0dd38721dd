"""Status of a form's cells: hidden ones, and missing ones, which are asked for and empty. SPEC.md section 5.

A name in a condition is looked up in the row of the field that has the condition, then in the row around it, then in
the form. A field not shown counts as empty, so conditions follow one another; `compile_rules` refuses a circle.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from handshake_prompt.protocol.errors import InvalidSchemaError
from handshake_prompt.protocol.session import is_empty

from .conditions import Condition, compile_condition
from .documents import RowIds, Values
from .field_types import shown
from .implied import PERSON
from .shape import Entry

CONDITION_PARTS = 2_000
"""Names in all conditions of a form: the cost of an evaluation, times the rows."""
CHAIN = 50
"""Fields in a chain, each deciding about the next: an evaluation follows them one within the other."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A field's demands on the form around it."""

    key: str
    entry: Entry
    show_if: Condition | None
    required_if: Condition | None
    is_required: bool
    fields: FieldRules | None = None
    """Of the cells of each row."""


@dataclass(frozen=True, slots=True)
class FieldRules:
    """The fields of a form or of a row by key, and the keys of each group."""

    by_key: dict[str, Rule]
    groups: dict[str, tuple[str, ...]]
    is_static: bool
    """Whether no field here or in a row has a condition."""


class Status(NamedTuple):
    """Keys of cells: not shown; asked for and empty, of the agent and of the person alone."""

    hidden: frozenset[str]
    missing: tuple[str, ...]
    missing_person: tuple[str, ...]


def compile_rules(entries: Sequence[Entry]) -> FieldRules:
    """Compile the conditions of a schema's entries.

    Raises:
        InvalidSchemaError: one is no condition, they are too many, or a field is shown depending on itself.
    """
    rules = _compiled(entries)
    if sum(_parts(rule) for rule in _all(rules)) > CONDITION_PARTS:
        raise InvalidSchemaError(f"the form's conditions name more than {CONDITION_PARTS} fields in all")
    _refuse_circles(rules)
    return rules


def status_of(rules: FieldRules, values: Values, rows: RowIds, *, unanswered: frozenset[str] = frozenset()) -> Status:
    """Return the hidden and the missing cells.

    Args:
        rules: the form's.
        values: by key.
        rows: ids in order, by the key of their list.
        unanswered: keys of nulls that are nobody's answer: values of author `empty`.
    """
    form = _Form(values, rows, unanswered)
    form.visit(_Scope(form, rules, "", None))
    return Status(frozenset(form.hidden), tuple(form.missing), tuple(form.missing_person))


def _compiled(entries: Sequence[Entry]) -> FieldRules:
    by_key = {entry["key"]: _rule(entry) for entry in entries}
    groups: dict[str, list[str]] = {}
    for key in by_key:
        segments = key.split("/")
        for depth in range(1, len(segments)):
            groups.setdefault("/".join(segments[:depth]), []).append(key)
    static = all(
        rule.show_if is None and rule.required_if is None and (rule.fields is None or rule.fields.is_static)
        for rule in by_key.values()
    )
    return FieldRules(by_key, {group: tuple(keys) for group, keys in groups.items()}, static)


def _rule(entry: Entry) -> Rule:
    return Rule(
        entry["key"],
        entry,
        _condition(entry, "showIf"),
        _condition(entry, "requiredIf"),
        entry.get("required") is True,
        _compiled(entry.get("fields") or ()) if entry.get("type") == "rows" else None,
    )


def _condition(entry: Entry, member: str) -> Condition | None:
    if entry.get(member) is None:
        return None
    try:
        return compile_condition(entry[member])
    except InvalidSchemaError as error:
        raise InvalidSchemaError(f"{shown(entry['key'])}: {member}: {error.detail}") from None


def _all(rules: FieldRules) -> Iterator[Rule]:
    for rule in rules.by_key.values():
        yield rule
        if rule.fields is not None:
            yield from _all(rule.fields)


def _parts(rule: Rule) -> int:
    return sum(len(condition.names) for condition in (rule.show_if, rule.required_if) if condition is not None)


def _refuse_circles(rules: FieldRules) -> None:
    """Follow the fields that decide about showing others; only names within one list of fields can form a circle."""
    lengths: dict[str, int] = {}
    for start in rules.by_key:
        path: dict[str, Iterator[str]] = {start: _deciders(rules, start)}
        while path:
            key, following = next(reversed(path.items()))
            step = next((name for name in following if name not in lengths), None)
            if step is None:
                path.pop(key)
                lengths[key] = 1 + max((lengths[name] for name in _deciders(rules, key)), default=0)
                if lengths[key] > CHAIN:
                    raise InvalidSchemaError(
                        f"whether {shown(key)} is shown depends on more than {CHAIN} fields in turn"
                    )
            elif step in path:
                raise InvalidSchemaError(f"whether {shown(step)} is shown depends on itself")
            else:
                path[step] = _deciders(rules, step)
    for rule in rules.by_key.values():
        if rule.fields is not None:
            _refuse_circles(rule.fields)


def _deciders(rules: FieldRules, key: str) -> Iterator[str]:
    """Yield the fields that the `showIf` of a field reads; of a group, all its fields."""
    condition = rules.by_key[key].show_if
    for name in condition.names if condition is not None else ():
        yield from (name,) if name in rules.by_key else rules.groups.get(name, ())


class _Form:
    """One evaluation."""

    def __init__(self, values: Values, rows: RowIds, unanswered: frozenset[str]) -> None:
        self.values = values
        self.rows = rows
        self.unanswered = unanswered
        self.shown: dict[str, bool] = {}
        self.filled: dict[str, bool] = {}
        self.hidden: list[str] = []
        self.missing: list[str] = []
        self.missing_person: list[str] = []

    def visit(self, scope: _Scope) -> None:
        for rule in scope.rules.by_key.values():
            key = scope.prefix + rule.key
            if not scope.is_shown(rule):
                self._hide(rule, key)
                continue
            if scope.is_asked_for(rule):
                (self.missing_person if rule.entry.get("by") == PERSON else self.missing).append(key)
            if rule.fields is not None:
                for row in self.rows.get(key, ()):
                    self.visit(_Scope(self, rule.fields, f"{key}/{row}/", scope))

    def _hide(self, rule: Rule, key: str) -> None:
        self.hidden.append(key)
        if rule.fields is not None:
            for row in self.rows.get(key, ()):
                for inner in rule.fields.by_key.values():
                    self._hide(inner, f"{key}/{row}/{inner.key}")


@dataclass(frozen=True, slots=True)
class _Scope:
    """The fields of the form or of one row, as a condition in it names them."""

    form: _Form
    rules: FieldRules
    prefix: str
    outer: _Scope | None = field(repr=False)

    def values(self, name: str) -> tuple[Any, ...]:
        scope = self._scope_of(name)
        rule = scope.rules.by_key.get(name) if scope is not None else None
        if scope is None or rule is None or not scope.is_shown(rule):
            return ()
        value = self.form.values.get(scope.prefix + name)
        if isinstance(value, list):
            return tuple(value)
        null = value is None and rule.entry.get("nullable") is True and scope.prefix + name in self.form.values
        return (value,) if null or not is_empty(value) else ()

    def is_filled(self, name: str) -> bool:
        scope = self._scope_of(name)
        if scope is None:
            return False
        rule = scope.rules.by_key.get(name)
        if rule is not None:
            return scope.has_something(rule)
        group = scope.prefix + name
        if group not in self.form.filled:  # once for all conditions: a group may be as large as the form
            members = map(scope.rules.by_key.__getitem__, scope.rules.groups[name])
            self.form.filled[group] = any(map(scope.has_something, members))
        return self.form.filled[group]

    def is_shown(self, rule: Rule) -> bool:
        if rule.show_if is None:
            return True
        key = self.prefix + rule.key
        if key not in self.form.shown:
            self.form.shown[key] = rule.show_if.holds(self)
        return self.form.shown[key]

    def is_asked_for(self, rule: Rule) -> bool:
        if rule.entry.get("readOnly") is True:
            return False
        key = self.prefix + rule.key
        if rule.fields is not None:
            return self._lacks_rows(rule, len(self.form.rows.get(key, ())))
        if not (rule.is_required or (rule.required_if is not None and rule.required_if.holds(self))):
            return False
        value = self.form.values.get(key)
        answered = value is None and rule.entry.get("nullable") is True and key in self.form.values
        return is_empty(value) and not (answered and key not in self.form.unanswered)

    def _lacks_rows(self, rule: Rule, count: int) -> bool:
        least = rule.entry.get("minRows") or 0
        if 0 < count < least:
            return True
        asked = rule.is_required or (rule.required_if is not None and rule.required_if.holds(self))
        return asked and count < max(least, 1)

    def has_something(self, rule: Rule) -> bool:
        if rule.entry.get("virtual") is True or not self.is_shown(rule):
            return False
        key = self.prefix + rule.key
        return bool(self.form.rows.get(key)) if rule.fields is not None else not is_empty(self.form.values.get(key))

    def _scope_of(self, name: str) -> _Scope | None:
        scope: _Scope | None = self
        while scope is not None and name not in scope.rules.by_key and name not in scope.rules.groups:
            scope = scope.outer
        return scope
