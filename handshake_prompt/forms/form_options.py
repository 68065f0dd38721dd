"""Options of a form beside its model: members set on its fields, and values to begin with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count
from typing import Any, TypedDict

from handshake_prompt.session.field_value import is_empty

from .documents import Cells, flat
from .keys import joined
from .shape import Entry, Group, Leaf, Rows

Members = dict[str, dict[str, Any]]
"""Members to set, by the key of a field without row ids."""


class FormOptions(TypedDict, total=False):
    """Options of a form beside its model; see `form_model.FormModel`."""

    sensitive: Iterable[str]
    person: Iterable[str]
    read_only: Iterable[str]
    labels: Mapping[str, str] | None
    groups: Mapping[str, Iterable[str]] | None
    order: Sequence[str]
    defaults: Mapping[str, Any] | None


def members_of(
    *,
    sensitive: Iterable[str],
    person: Iterable[str],
    read_only: Iterable[str],
    labels: Mapping[str, str],
    groups: Mapping[str, Iterable[str]],
) -> Members:
    """Return the members that some options set, by field."""
    members: Members = {}
    marks: list[tuple[Iterable[str], str, Any]] = [
        (sensitive, "sensitive", True),
        (person, "by", "person"),
        (read_only, "readOnly", True),
        *(((key,), "label", label) for key, label in labels.items()),
        *((keys, "group", heading) for heading, keys in groups.items()),
    ]
    for keys, member, value in marks:
        for key in keys:
            members.setdefault(key, {})[member] = value
    return members


def changed(fields: Sequence[Entry], members: Members, list_key: str = "") -> list[Entry]:
    """Return fields, in rows too, with members set: those of a group in all that is in it."""
    found = []
    for entry in fields:
        key = joined(list_key, entry["key"])
        own: Entry = {**entry, **_of_groups(entry["key"], members, list_key), **members.get(key, {})}
        found.append({**own, "fields": changed(own["fields"], members, key)} if "fields" in own else own)
    return found


def _of_groups(key: str, members: Members, list_key: str) -> dict[str, Any]:
    """Return the members that the groups around a field set; the label of the nearest one is its heading."""
    found: dict[str, Any] = {}
    heading: dict[str, Any] = {}
    for group in reversed(_with_groups(key)[1:]):
        given = dict(members.get(joined(list_key, group), {}))
        heading = {"group": given.pop("label")} if "label" in given else {}
        found |= given
    return found | heading


def ordered(fields: Sequence[Entry], first: Sequence[str]) -> list[Entry]:
    """Return fields in their order, but some first; a group's name stands for its fields."""
    places = {key: place for place, key in enumerate(first)}

    def place(entry: Entry) -> int:
        key, *outer = _with_groups(entry["key"])
        return min((places[name] for name in (key, *outer) if name in places), default=len(places))

    return sorted(fields, key=place)


def keys_of(fields: Sequence[Entry], list_key: str = "") -> Iterator[str]:
    """Yield the keys of fields and groups, without row ids."""
    for entry in fields:
        yield from (joined(list_key, name) for name in _with_groups(entry["key"]))
        yield from keys_of(entry.get("fields", ()), joined(list_key, entry["key"]))


def marked(fields: Sequence[Entry], member: str, list_key: str = "") -> Iterator[str]:
    """Yield the keys without row ids of fields with a member that is true."""
    for entry in fields:
        key = joined(list_key, entry["key"])
        if entry.get(member) is True:
            yield key
        yield from marked(entry.get("fields", ()), member, key)


def initial(shape: Group, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a new session: the defaults of fields that are there anyway, and the host's.

    A default within an object that need not be there would begin it, so an agent is shown that one alone.
    """
    return {**dict(_defaults(shape)), **defaults}


def beginning(shape: Group, values: Mapping[str, Any]) -> Cells:
    """Return the cells of the values of a new session."""
    nodes = {node.key: node for node in shape.leaves()}
    numbers = count(1)
    cells = Cells({}, {})
    for key, value in values.items():
        made = flat(Group(members={key: nodes[key]}), {key: value}, mint=lambda: f"r{next(numbers)}")
        cells.values.update(made.values)
        cells.rows.update(made.rows)
    return cells


def _defaults(group: Group) -> Iterator[tuple[str, Any]]:
    for node in group.members.values():
        if isinstance(node, Group):
            if node.rule.required and not node.rule.nullable:
                yield from _defaults(node)
        elif not is_empty(node.entry.get("default")) and _is_plain(node):
            yield node.key, node.entry["default"]


def _is_plain(node: Leaf | Rows) -> bool:
    return isinstance(node, Leaf) or isinstance(node.entry["default"], list)


def _with_groups(key: str) -> list[str]:
    """Return a key and the keys of the groups around it."""
    segments = key.split("/")
    return ["/".join(segments[:depth]) for depth in range(len(segments), 0, -1)]
