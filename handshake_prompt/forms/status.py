"""Status of a form's cells: hidden ones, and missing ones, which are asked for and empty. SPEC.md section 5."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from handshake_prompt.session.field_value import is_empty

from .budget import Budget
from .conditions import Names
from .documents import RowIds
from .implied import PERSON
from .rules import FieldRules, Rule


class Values(Protocol):
    """Values by key; a mapping is one."""

    def __contains__(self, key: object, /) -> bool: ...

    def get(self, key: str, /) -> Any:
        """Return a value, None if there is none."""


class Status(NamedTuple):
    """Keys of cells: not shown; asked for and empty, of the agent and of the person alone."""

    hidden: frozenset[str]
    missing: tuple[str, ...]
    missing_person: tuple[str, ...]


def status_of(rules: FieldRules, values: Values, rows: RowIds, *, unanswered: Container[str] = ()) -> Status:
    """Return the hidden and the missing cells.

    Args:
        rules: the form's.
        values: by key.
        rows: ids in order, by the key of their list; a list without rows is an answer where it is there.
        unanswered: keys of nulls that are nobody's answer: values of author `empty`.
    """
    return Evaluation(rules, values, rows, unanswered=unanswered).status()


class Evaluation:
    """The conditions of a form on its values as they are; what has been found once is not looked for again.

    Args:
        rules: the form's.
        values: by key.
        rows: ids in order, by the key of their list.
        unanswered: keys of nulls that are nobody's answer.
        budget: of the steps that this may take; without it they are not counted.
    """

    def __init__(
        self,
        rules: FieldRules,
        values: Values,
        rows: RowIds,
        *,
        unanswered: Container[str] = (),
        budget: Budget | None = None,
    ) -> None:
        self.values = values
        self.rows = rows
        self.unanswered = unanswered
        self.shown: dict[str, bool] = {}
        self.filled: dict[str, bool] = {}
        self._budget = budget
        self._top = _Scope(self, rules, "", None)

    def status(self) -> Status:
        """Return the hidden and the missing cells."""
        found = _Found([], [], [])
        self._visit(self._top, found)
        return Status(frozenset(found.hidden), tuple(found.missing), tuple(found.missing_person))

    def is_shown(self, key: str) -> bool:
        """Whether a cell, or a list of rows, is shown: itself, and the lists that it stands in."""
        return self.names_at(key) is not None

    def names_at(self, key: str) -> Names | None:
        """Return the form's values as the conditions of a cell see them; None if it is not shown.

        Raises:
            KeyError: the form has no such cell.
        """
        scope = self._top
        while (rule := scope.rules.by_key.get(name := key.removeprefix(scope.prefix))) is None:
            listed = next(one for one in scope.rules.lists if name.startswith(f"{one.key}/"))
            if not scope.is_shown(listed) or listed.fields is None:
                return None
            row = name.removeprefix(f"{listed.key}/").partition("/")[0]
            scope = _Scope(self, listed.fields, f"{scope.prefix}{listed.key}/{row}/", scope)
        return scope if scope.is_shown(rule) else None

    def spend(self) -> None:
        """Take a step."""
        if self._budget is not None:
            self._budget.spend(1)

    def _visit(self, scope: _Scope, found: _Found) -> None:
        for rule in scope.rules.by_key.values():
            key = scope.prefix + rule.key
            if not scope.is_shown(rule):
                self._hide(rule, key, found)
                continue
            if scope.is_asked_for(rule):
                (found.missing_person if rule.entry.get("by") == PERSON else found.missing).append(key)
            if rule.fields is not None:
                for row in self.rows.get(key, ()):
                    self._visit(_Scope(self, rule.fields, f"{key}/{row}/", scope), found)

    def _hide(self, rule: Rule, key: str, found: _Found) -> None:
        found.hidden.append(key)
        if rule.fields is not None:
            for row in self.rows.get(key, ()):
                for inner in rule.fields.by_key.values():
                    self._hide(inner, f"{key}/{row}/{inner.key}", found)


class _Found(NamedTuple):
    hidden: list[str]
    missing: list[str]
    missing_person: list[str]


@dataclass(frozen=True, slots=True)
class _Scope:
    """The fields of the form or of one row, as a condition in it names them."""

    form: Evaluation
    rules: FieldRules
    prefix: str
    outer: _Scope | None = field(repr=False)

    def values(self, name: str) -> tuple[Any, ...]:
        self.form.spend()
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
            return self._lacks_rows(rule, self.form.rows.get(key))
        if not (rule.is_required or (rule.required_if is not None and rule.required_if.holds(self))):
            return False
        value = self.form.values.get(key)
        if not is_empty(value):
            return False
        is_value = rule.entry.get("nullable" if value is None else "blank") is True
        return not (is_value and key in self.form.values and key not in self.form.unanswered)

    def _lacks_rows(self, rule: Rule, ids: Sequence[str] | None) -> bool:
        least, count = rule.entry.get("minRows") or 0, len(ids or ())
        if 0 < count < least:
            return True
        asked = rule.is_required or (rule.required_if is not None and rule.required_if.holds(self))
        may_be_none = not least and ids is not None and rule.entry.get("blank") is True
        return asked and not may_be_none and count < max(least, 1)

    def has_something(self, rule: Rule) -> bool:
        self.form.spend()
        if rule.entry.get("virtual") is True or not self.is_shown(rule):
            return False
        key = self.prefix + rule.key
        return bool(self.form.rows.get(key)) if rule.fields is not None else not is_empty(self.form.values.get(key))

    def _scope_of(self, name: str) -> _Scope | None:
        scope: _Scope | None = self
        while scope is not None and name not in scope.rules.by_key and name not in scope.rules.groups:
            scope = scope.outer
        return scope
