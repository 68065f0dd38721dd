"""Shape of a form: its groups, rows and fields as the tree of the document they stand for.

The wire has one record a key; a host's code has nested objects and lists. The tree is read from the entries of a schema
and shared by everything that goes between the two.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from handshake_prompt.protocol.errors import InvalidSchemaError
from handshake_prompt.session.field_value import is_empty

from .field_types import shown
from .keys import LEVELS, joined, names

Entry = Mapping[str, Any]
"""A field as it stands in a schema."""


class GroupRule(NamedTuple):
    """Traits of an object that the entries of its group do not tell."""

    required: bool = False
    """The object is there even with nothing in it."""
    nullable: bool = False
    """Null stands for an object with nothing in it, where the object is required."""


_ALWAYS = GroupRule(required=True)


@dataclass(frozen=True, slots=True)
class Leaf:
    """A field with a value of its own; `key` is relative to its row, or to the form."""

    key: str
    entry: Entry

    @property
    def is_virtual(self) -> bool:
        """Whether the value is no part of the document: a choice between alternatives."""
        return self.entry.get("virtual") is True

    @property
    def is_rest(self) -> bool:
        """Whether the members of the value are members of the object that the field stands in."""
        return self.entry.get("rest") is True

    def takes(self, value: object) -> bool:
        """Whether a value is one for the document; an empty one that the field refuses means that there is none."""
        if value is None:
            return self.entry.get("nullable") is True
        if value == "":
            return self._takes_blank()
        return value != [] or self.entry.get("type") == "json" or not self.entry.get("minLength")

    def _takes_blank(self) -> bool:
        kind = self.entry.get("type") or "string"
        kinds = kind if isinstance(kind, list) else [kind]
        if any(self.entry.get(member) for member in ("options", "minLength", "pattern", "format", "multiple")):
            return any(_value_of(option) == "" for option in self.entry.get("options") or ())
        return bool({"string", "str", "json"} & set(kinds))


@dataclass(slots=True)
class Group:
    """An object: its members by name, in the order of their entries."""

    key: str = ""
    members: dict[str, Node] = field(default_factory=dict)
    rest: Leaf | None = None
    rule: GroupRule = _ALWAYS

    def leaves(self) -> Iterator[Leaf | Rows]:
        """Yield the fields of this object and of its groups, but not of rows."""
        for node in self.members.values():
            if isinstance(node, Group):
                yield from node.leaves()
            else:
                yield node
        if self.rest is not None:
            yield self.rest


@dataclass(slots=True)
class Rows:
    """A list of objects: `item` is the shape of each, its keys relative to the row."""

    key: str
    entry: Entry
    item: Group
    nullable: bool = False
    fields: dict[str, Leaf | Rows] = field(init=False, repr=False, compare=False)
    """Fields of a row by their relative keys, in order."""
    defaults: dict[str, Any] = field(init=False, repr=False, compare=False)
    """Values of a new row's cells by their relative keys."""

    def __post_init__(self) -> None:
        self.fields = {node.key: node for node in self.item.leaves()}
        found = {key: node.entry.get("default") for key, node in self.fields.items() if isinstance(node, Leaf)}
        self.defaults = {key: value for key, value in found.items() if not is_empty(value)}

    @property
    def is_required(self) -> bool:
        """Whether the list is there even without rows."""
        return self.entry.get("required") is True


Node = Group | Rows | Leaf


def shape_of(
    entries: Sequence[Entry], rules: Mapping[str, GroupRule] | None = None, *, is_escaped: bool = False
) -> Group:
    """Return the tree of a schema's entries.

    Args:
        entries: a schema that has been checked.
        rules: traits of groups, by key without row ids (`lines/home`); without it a group is an object only
            while something is in it.
        is_escaped: whether keys are joined of escaped names even where no entry has a group or rows.

    Raises:
        InvalidSchemaError: a key names a field and a group.
    """
    rules = rules or {}
    return _Builder(rules, nests=is_escaped or bool(rules) or any(_nests(entry) for entry in entries)).group(
        entries, ""
    )


def _nests(entry: Entry) -> bool:
    return entry.get("type") == "rows" or "group" in entry or entry.get("virtual") is True or entry.get("rest") is True


class _Builder:
    def __init__(self, rules: Mapping[str, GroupRule], *, nests: bool) -> None:
        self._rules = rules
        self._nests = nests

    def group(self, entries: Sequence[Entry], path: str) -> Group:
        top = Group()
        for entry in entries:
            self._add(top, entry, path)
        return top

    def _add(self, top: Group, entry: Entry, path: str) -> None:
        key = entry["key"]
        *groups, name = names(key) if self._nests else (key,)
        if len(groups) > LEVELS:
            raise InvalidSchemaError(f"{shown(key)} stands in more than {LEVELS} groups, one within the other")
        segments = key.split("/")
        within = top
        for depth, group in enumerate(groups, 1):
            within = self._group_in(within, group, "/".join(segments[:depth]), path)
        if entry.get("rest") is True:
            within.rest = Leaf(key, entry)
        elif name in within.members:
            raise InvalidSchemaError(f"{shown(key)} is both a field and a group: give one of them another key")
        elif entry.get("type") == "rows":
            inside = joined(path, key)
            rule = self._rules.get(inside, GroupRule())
            within.members[name] = Rows(key, entry, self.group(entry.get("fields") or (), inside), rule.nullable)
        else:
            within.members[name] = Leaf(key, entry)

    def _group_in(self, within: Group, name: str, key: str, path: str) -> Group:
        node = within.members.get(name)
        if node is None:
            node = within.members[name] = Group(key, rule=self._rules.get(joined(path, key), GroupRule()))
        if not isinstance(node, Group):
            raise InvalidSchemaError(f"{shown(key)} is both a field and a group: give one of them another key")
        return node


def lists_of(shape: Group, path: str = "") -> Iterator[tuple[str, Rows]]:
    """Yield the lists of rows, those within rows too, by their keys without the ids of rows."""
    for node in shape.leaves():
        if isinstance(node, Rows):
            key = joined(path, node.key)
            yield key, node
            yield from lists_of(node.item, key)


def entry_key(key: str, lists: Container[str]) -> str | None:
    """Return the key without row ids of a field or of a list of rows; None for that of a row.

    `lines/r3/amount` is `lines/amount`, `lines` is itself, `lines/r3` is a row.

    Args:
        key: of anything.
        lists: keys of lists of rows, without row ids.
    """
    kept, is_row = _without_row_ids(key, lists)
    return None if is_row else kept


def without_rows(key: str, lists: Container[str]) -> str:
    """Return the key of a cell, row or group without the ids of rows: of a row it is the key of its list.

    Args:
        key: of anything.
        lists: keys of lists of rows, without row ids.
    """
    return _without_row_ids(key, lists)[0]


def _without_row_ids(key: str, lists: Container[str]) -> tuple[str, bool]:
    """Return the key without row ids, and whether it is that of a row."""
    kept, is_row = "", False
    segments = iter(key.split("/"))
    for place, segment in enumerate(segments):
        kept = f"{kept}/{segment}" if place else segment
        is_row = kept in lists and next(segments, None) is not None
    return kept, is_row


def row_of(key: str, lists: Container[str]) -> str | None:
    """Return the key of the row that a cell or a list stands in, None outside of rows.

    `lines/r3/amount` stands in `lines/r3`.

    Args:
        key: of a field or of a list of rows.
        lists: keys of lists of rows, without row ids.
    """
    segments = key.split("/")
    kept, row, place = "", 0, 0
    while place < len(segments):
        kept = f"{kept}/{segments[place]}" if place else segments[place]
        place += 1
        if kept in lists and place < len(segments):
            row = place = place + 1
    return "/".join(segments[:row]) if row else None


def _value_of(option: object) -> object:
    return option.get("value") if isinstance(option, dict) else option
