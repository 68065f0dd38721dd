"""Members of nested objects, and the fields of a row or a form that they are for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from handshake_prompt.forms.fields import Field
from handshake_prompt.forms.form import Form
from handshake_prompt.forms.keys import escaped, joined
from handshake_prompt.forms.shape import Group, Leaf, Rows

from .form_checks import RefusedError

Fields = Mapping[str, Leaf | Rows]
"""Fields of a row, or of a form, by their keys relative to it."""


def members(group: Group, value: Any, fields: Fields) -> Iterator[tuple[str, Leaf | Rows | None, Any]]:
    """Yield the members of an object as fields of a row or a form: the relative key, the field, and its value.

    Nested objects and flat keys (`home/street`) are understood. A member that no field is for comes without one.

    Args:
        group: of the row, of the form, or one within.
        value: the object.
        fields: of the row or of the form.

    Raises:
        RefusedError: it is no object.
    """
    if not isinstance(value, Mapping):
        raise RefusedError("invalid_value", "expected an object")
    rest: dict[str, Any] = {}
    for name, part in value.items():
        node = (fields.get(name) if not group.key else None) or group.members.get(name)
        if isinstance(node, Group) and isinstance(part, Mapping):
            yield from members(node, part, fields)
        elif isinstance(node, Leaf | Rows):
            yield node.key, node, part
        elif group.rest is not None and node is None:
            rest[name] = part
        else:
            yield joined(group.key, escaped(name)) if group.key else name, None, part
    if rest and group.rest is not None:
        yield group.rest.key, group.rest, rest


def cells_of(form: Form, path: str, value: Any) -> Iterator[tuple[Field, Any]]:
    """Yield the fields and values of rows before they are read: a list of objects, or one; anything else has none.

    Args:
        form: the rows' form.
        path: the key of their list, without the ids of rows.
        value: of an action.
    """
    for item in value if isinstance(value, list) else [value]:
        if not isinstance(item, Mapping):
            continue
        listed = form.lists[path]
        for key, node, part in members(listed.item, item, listed.fields):
            inside = joined(path, key)
            if isinstance(node, Rows):
                yield from cells_of(form, inside, part)
            elif node is not None:
                yield form.fields[inside], part
