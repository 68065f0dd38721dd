"""Rules of a form's fields on one another: when each is shown, and when it is asked for. SPEC.md section 5.

A name in a condition is looked up in the row of the field that has the condition, then in the row around it, then in
the form. A field not shown counts as empty, so conditions follow one another; a circle is refused.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from handshake_prompt.protocol.errors import InvalidSchemaError

from .conditions import Condition, compile_condition
from .field_types import shown
from .keys import LEVELS, joined
from .shape import Entry

CONDITION_PARTS = 2_000
"""Names in all conditions of a form: the cost of an evaluation, times the rows."""
GROUP_PARTS = 4_000
"""Fields in the groups that conditions name."""
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

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """All its conditions."""
        return tuple(one for one in (self.show_if, self.required_if) if one is not None)


@dataclass(frozen=True, slots=True)
class FieldRules:
    """The fields of a form or of a row by key, and the keys of each group."""

    by_key: dict[str, Rule]
    groups: dict[str, tuple[str, ...]]
    lists: tuple[Rule, ...]
    """The lists of rows."""
    is_static: bool
    """Whether no field here or in a row has a condition."""


def compile_rules(entries: Sequence[Entry]) -> FieldRules:
    """Compile the conditions of a schema's entries.

    Raises:
        InvalidSchemaError: one is no condition, they are too many, or a field is shown depending on itself.
    """
    rules = _compiled(entries)
    if sum(_parts(rule) for rule in _all(rules)) > CONDITION_PARTS:
        raise InvalidSchemaError(f"the form's conditions name more than {CONDITION_PARTS} fields in all")
    if sum(_group_parts(rules)) > GROUP_PARTS:
        raise InvalidSchemaError(f"the groups in the form's conditions have more than {GROUP_PARTS} fields in all")
    _refuse_circles(rules)
    return rules


def fields_of_a_row(rules: FieldRules) -> int:
    """Return how many fields are looked at for one row: its own, and all that its conditions name.

    Of several lists it is the largest number.
    """
    lists = (rule.fields for rule in _all(rules) if rule.fields is not None)
    return max(map(_looks, lists), default=0)


def _looks(fields: FieldRules) -> int:
    named = frozenset().union(*map(_names, fields.by_key.values()))
    in_groups = sum(len(keys) for group, keys in fields.groups.items() if group in named)
    return len(fields.by_key) + sum(map(_parts, fields.by_key.values())) + in_groups


def unknown_names(rules: FieldRules) -> Iterator[tuple[str, str]]:
    """Yield the keys of fields, without row ids, with conditions on a name that is nowhere, and that name."""
    yield from _unknown(rules, "", frozenset())


def _unknown(rules: FieldRules, path: str, outer: frozenset[str]) -> Iterator[tuple[str, str]]:
    known = outer | rules.by_key.keys() | rules.groups.keys()
    for rule in rules.by_key.values():
        key = joined(path, rule.key)
        yield from ((key, name) for name in sorted(_names(rule) - known))
        if rule.fields is not None:
            yield from _unknown(rule.fields, key, known)


def _names(rule: Rule) -> frozenset[str]:
    return frozenset().union(*(condition.names for condition in rule.conditions))


def _compiled(entries: Sequence[Entry]) -> FieldRules:
    by_key = {entry["key"]: _rule(entry) for entry in entries}
    groups: dict[str, list[str]] = {}
    for key in by_key:
        segments = key.split("/")
        for depth in range(1, min(len(segments), LEVELS + 1)):
            groups.setdefault("/".join(segments[:depth]), []).append(key)
    static = all(
        rule.show_if is None and rule.required_if is None and (rule.fields is None or rule.fields.is_static)
        for rule in by_key.values()
    )
    lists = tuple(rule for rule in by_key.values() if rule.fields is not None)
    return FieldRules(by_key, {group: tuple(keys) for group, keys in groups.items()}, lists, static)


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
    return sum(len(condition.names) for condition in rule.conditions)


def _group_parts(rules: FieldRules) -> Iterator[int]:
    """Yield the sizes of the groups that conditions name: each is gone through once an evaluation."""
    named = frozenset().union(*(_names(rule) for rule in _all(rules)))
    inner = (rule.fields for rule in _all(rules) if rule.fields is not None)
    for fields in (rules, *inner):
        yield from (len(keys) for group, keys in fields.groups.items() if group in named)


def _refuse_circles(rules: FieldRules) -> None:
    """Follow the fields that decide about showing others; only names within one list of fields can form a circle."""
    lengths: dict[str, int] = {}
    for start in rules.by_key:
        path: dict[str, Iterator[str]] = {start: iter(_deciders(rules, start))}
        while path:
            name, following = next(reversed(path.items()))
            step = next((decider for decider in following if decider not in lengths), None)
            if step is None:
                path.pop(name)
                lengths[name] = _length(rules, name, lengths)
                if lengths[name] > CHAIN:
                    raise InvalidSchemaError(
                        f"whether {shown(name)} is shown depends on more than {CHAIN} fields in turn"
                    )
            elif step in path:
                raise InvalidSchemaError(f"whether {shown(step)} is shown depends on itself")
            else:
                path[step] = iter(_deciders(rules, step))
    for rule in rules.lists:
        if rule.fields is not None:
            _refuse_circles(rule.fields)


def _length(rules: FieldRules, name: str, lengths: Mapping[str, int]) -> int:
    """Return how many fields decide about one in turn, itself included; a group is none."""
    longest = max((lengths[decider] for decider in _deciders(rules, name)), default=0)
    return longest + (name in rules.by_key)


def _deciders(rules: FieldRules, name: str) -> Collection[str]:
    """Return the deciders of a field: the names that its `showIf` reads; of a group: its fields."""
    if name not in rules.by_key:
        return rules.groups[name]
    condition = rules.by_key[name].show_if
    if condition is None:
        return ()
    return [read for read in condition.names if read in rules.by_key or read in rules.groups]
