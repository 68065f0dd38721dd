"""Documents: the nested objects and lists of a host's code, made from a form's cells and taken apart into them.

A cell is one value of the wire, by its key (`lines/r3/amount`). `nested(shape, *flat(shape, document))` is the document
again, but for members without a field and for optional objects with nothing in them.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from itertools import count
from typing import Any, NamedTuple

from handshake_prompt.session.field_value import is_empty

from .keys import joined
from .shape import Group, GroupRule, Leaf, Node, Rows

Values = Mapping[str, Any]
RowIds = Mapping[str, Sequence[str]]


class _Absent:
    """Stands for no member."""


_ABSENT = _Absent()
_ALWAYS = GroupRule(required=True)


class Cells(NamedTuple):
    """Values by key, and the ids of rows in their order by the key of their list."""

    values: dict[str, Any]
    rows: dict[str, list[str]]


def nested(shape: Group, values: Values, rows: RowIds, *, hidden: Container[str] = ()) -> dict[str, Any]:
    """Return the document of a form's cells.

    Args:
        shape: the form's.
        values: by key.
        rows: ids in order, by the key of their list.
        hidden: keys of fields not shown; their values are left out, of a list the rows.
    """
    document: dict[str, Any] = _Nesting(values, rows, hidden).members(shape, "")
    return document


class _Nesting:
    def __init__(self, values: Values, rows: RowIds, hidden: Container[str]) -> None:
        self._values = values
        self._rows = rows
        self._hidden = hidden

    def members(self, group: Group, prefix: str) -> dict[str, Any]:
        found = {name: self._node(node, prefix) for name, node in group.members.items()}
        document = {name: value for name, value in found.items() if value is not _ABSENT}
        if group.rest is not None:
            rest = self._leaf(group.rest, prefix)
            if isinstance(rest, dict):
                document = {**{name: value for name, value in rest.items() if name not in group.members}, **document}
        return document

    def _node(self, node: Node, prefix: str) -> Any:
        if isinstance(node, Leaf):
            return _ABSENT if node.is_virtual else self._leaf(node, prefix)
        return self._list(node, prefix) if isinstance(node, Rows) else self._object(node, prefix)

    def _leaf(self, leaf: Leaf, prefix: str) -> Any:
        key = prefix + leaf.key
        if key not in self._values or key in self._hidden:
            return _ABSENT
        value = self._values[key]
        return value if leaf.takes(value) else _ABSENT

    def _object(self, group: Group, prefix: str) -> Any:
        if group.rule == _ALWAYS or self._is_begun(group, prefix):
            return self.members(group, prefix)
        return None if group.rule.required else _ABSENT

    def _is_begun(self, group: Group, prefix: str) -> bool:
        """Whether something in an object is filled: a cleared value begins none."""
        for node in group.leaves():
            key = prefix + node.key
            if key in self._hidden or (isinstance(node, Leaf) and node.is_virtual):
                continue
            if self._rows.get(key) if isinstance(node, Rows) else not is_empty(self._values.get(key)):
                return True
        return False

    def _list(self, rows: Rows, prefix: str) -> Any:
        key = prefix + rows.key
        ids = () if key in self._hidden else self._rows.get(key, ())
        if ids or (rows.is_required and key not in self._hidden and not rows.nullable):
            return [self.members(rows.item, f"{key}/{row}/") for row in ids]
        return None if rows.is_required and rows.nullable and key not in self._hidden else _ABSENT


def flat(shape: Group, document: Mapping[str, Any], *, mint: Callable[[], str] | None = None) -> Cells:
    """Return the cells of a document.

    Args:
        shape: the form's.
        document: nested objects and lists; members without a field are left out.
        mint: makes an id for each row; `r1`, `r2` and so on without it.

    Raises:
        TypeError: a group is no object, or rows are no list of objects.
    """
    numbers = count(1)
    cells = Cells({}, {})
    _Flattening(cells, mint or (lambda: f"r{next(numbers)}")).take(shape, document, "")
    return cells


class _Flattening:
    def __init__(self, cells: Cells, mint: Callable[[], str]) -> None:
        self._cells = cells
        self._mint = mint

    def take(self, group: Group, document: Mapping[str, Any], prefix: str) -> None:
        for name, node in group.members.items():
            if name in document:
                self._node(node, document[name], prefix)
        if group.rest is not None:
            rest = {name: value for name, value in document.items() if name not in group.members}
            if rest:
                self._cells.values[prefix + group.rest.key] = rest

    def _node(self, node: Node, value: Any, prefix: str) -> None:
        if isinstance(node, Leaf):
            if not node.is_virtual:
                self._cells.values[prefix + node.key] = value
        elif value is None:
            return
        elif isinstance(node, Group):
            self.take(node, _as(Mapping, value, prefix + node.key, "an object"), prefix)
        else:
            self._list(node, _as(list, value, prefix + node.key, "a list"), prefix + node.key)

    def _list(self, rows: Rows, items: list[Any], key: str) -> None:
        ids = self._cells.rows[key] = [self._mint() for _ in items]
        for row, item in zip(ids, items, strict=True):
            inside = joined(key, row)
            self.take(rows.item, _as(Mapping, item, inside, "an object"), f"{inside}/")


def _as(kind: Any, value: Any, key: str, noun: str) -> Any:
    if not isinstance(value, kind):
        raise TypeError(f"{key} has to be {noun}")
    return value
